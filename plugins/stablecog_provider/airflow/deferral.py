"""Moves an operator's wait for the source from its worker slot to the triggerer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from airflow.providers.common.compat.sdk import TaskDeferred

from ..archive.earlier import Earlier, Postponed
from ..errors import ArchiveError
from .errors import error_of
from .triggers import StablecogSourceTrigger

WAITS_HERE = 10.0
"""Seconds. A shorter wait is over before the task would be scheduled again, and the run would begin again."""


def deferred(postponed: Postponed, stablecog_conn_id: str, now: float | None = None) -> TaskDeferred:
    """Return the exception that defers the task. Airflow then calls its method `resume`."""
    wait, now = postponed.wait, time.time() if now is None else now
    return TaskDeferred(
        trigger=StablecogSourceTrigger(
            stablecog_conn_id,
            not_before=now + wait.seconds,
            deadline=now + wait.patience,
            made=wait.made,
            left=wait.left,
        ),
        method_name="resume",
        kwargs={"earlier": postponed.earlier.to_document(), "answered": wait.answered},
    )


def resumed(event: Mapping[str, Any], earlier: Mapping[str, Any], *, answered: bool) -> tuple[Earlier, float | None]:
    """Return what the run continues, and how long it waits itself: None for as long as it takes.

    Raises the trigger's error if nothing was answered before, since a run in the worker would end with it, too. Otherwise the
    run decides, as it would have: not every request that fails ends a run.
    """
    error: ArchiveError | None = error_of(event["error"]) if "error" in event else None
    if error is not None and not answered:
        raise error
    return Earlier.from_document(earlier), WAITS_HERE if error is None else None
