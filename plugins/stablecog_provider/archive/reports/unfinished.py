"""The reports of runs that are at work, failed, or were interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ...model.documents import document_of

RUNNING, FAILED, INTERRUPTED = "running", "failed", "interrupted"
"""Outcomes of a run without a verdict."""
_SAFE = "What was committed before is kept, and the next run continues from there."


def running_document(kind: str, run_id: str, archive: str, started: datetime) -> dict[str, Any]:
    """What is under `runs/` while a run is at work, and for ever if it is killed. `kind`: the command."""
    return {
        "kind": kind,
        "run_id": run_id,
        "archive": archive,
        "started_at": document_of(started),
        "finished_at": None,
        "outcome": RUNNING,
        "explanation": [f"This {kind} has not ended: it is at work, or it was killed. {_SAFE}"],
    }


def failed_document(
    head: dict[str, Any], finished: datetime, error: str, message: str, hint: str, *, interrupted: bool
) -> dict[str, Any]:
    """The report of a run that raised `error`. `message` and `hint` are empty for an error that is not the archive's own."""
    if interrupted:
        lines = [f"This {head['kind']} was interrupted. {_SAFE}"]
    else:
        cause = f"{error}: {message}" if message else error
        lines = [f"This {head['kind']} failed: {cause}.", _SAFE]
        lines += [f"What to do: {hint}."] if hint else []
    return head | {
        "finished_at": document_of(finished),
        "outcome": INTERRUPTED if interrupted else FAILED,
        "error": error,
        "message": message,
        "hint": hint,
        "explanation": lines,
    }


def not_ended_in_words(documents: Sequence[dict[str, Any]]) -> str:
    """A sentence on earlier runs, whose reports say that they are at work."""
    named = []
    for document in documents:
        kind, run_id, started = (str(document.get(name, ""))[:60] for name in ("kind", "run_id", "started_at"))
        named.append(f"{kind or 'run'} {run_id} (started at {started})")
    them = "It was killed, or is" if len(named) == 1 else "Each was killed, or is"
    return f"Did not end: {', '.join(named)}. {them} still at work. {_SAFE}"
