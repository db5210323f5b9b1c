"""What a person allowed, as the checkpoint keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from ...model.checkpoint import MAX_CONSENTS, Checkpoint, Consent


def consented(found: Checkpoint, consents: Mapping[str, int], run_id: str, now: datetime) -> Checkpoint:
    """The checkpoint with what a person allowed: kinds, each with the number of outputs that it is about."""
    given = tuple(Consent(kind, count, run_id, now) for kind, count in consents.items() if count)
    return replace(
        found,
        consents=(*found.consents, *given)[-MAX_CONSENTS:],
        deletions_allowed=max(found.deletions_allowed, consents.get("deletions", 0)),
    )
