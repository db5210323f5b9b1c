"""The part of a run before it waited elsewhere: what the report of the whole run adds to its last part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import ArchiveError
from ..model.documents import document_of, value_of
from .committing.tally import Tally
from .resilience.retry import WaitElsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """`started_at`: when the whole run began. `tally`: without holes, since the last part finds them again."""

    started_at: datetime
    tally: Tally = Tally()
    source_requests: int = 0
    store_requests: int = 0

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        document: dict[str, Any] = document_of(self)
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Earlier:
        """Return what `to_document` described. Raises ValueError for anything else."""
        return value_of(cls, document)


class Postponed(ArchiveError):
    """The run ended early, because its caller wants to wait elsewhere. `earlier`: to be given to the run that continues it."""

    default_hint = WaitElsewhere.default_hint

    def __init__(self, wait: WaitElsewhere, earlier: Earlier) -> None:
        super().__init__(wait.message)
        self.wait, self.earlier = wait, earlier
