"""How much of the history a run reads again: one slice, what keeps a promise, a budget, or all of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ...errors import ConfigurationError
from ...model.checkpoint import Checkpoint
from ..ports import Source

LEAST_WITHIN = timedelta(hours=1)
FIRST_INTERVAL = timedelta(days=1)
"""How long ago the last run is taken to have been, if the checkpoint does not know."""
CATCH_UP = 4
"""A late run reads at most this many times what the promise asks of one, so that no single run reads everything."""
RESERVED = 24
"""Requests of a budget that are left to the counts, and to read again where listing and manifest differ."""
_BUDGET = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s?(requests?|[smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class SlicesRead:
    """What a run has read again so far."""

    slices: int = 0
    outputs: int = 0


class Pace(Protocol):
    """Decides after each slice. `is_share`: whether what it wants is a share of a promise, by the time since the last share."""

    @property
    def is_share(self) -> bool: ...

    def wants_more(self, read: SlicesRead, checkpoint: Checkpoint) -> bool:
        """Whether the run reads another slice. `checkpoint` has the position after the last one."""
        ...


class OneSlice:
    """The slice that comes with the requests that every run makes."""

    is_share = False

    def wants_more(self, read: SlicesRead, checkpoint: Checkpoint) -> bool:
        return False


class Everything:
    """All that is covered."""

    is_share = False

    def wants_more(self, read: SlicesRead, checkpoint: Checkpoint) -> bool:
        return True


class Within:
    """As much as keeps the promise that everything was read within a time, if those that promise it go on at their interval.

    `start`: the checkpoint when the run began. What is about to become too old is read even if the share of this run is done.
    """

    is_share = True

    def __init__(self, within: timedelta, start: Checkpoint, now: datetime) -> None:
        since = now - start.sweep.paced if start.sweep.paced else FIRST_INTERVAL
        self._interval = min(max(since, timedelta(0)), within)
        self._share = start.live * (self._interval / within)
        self._too_old = now - within + self._interval

    def wants_more(self, read: SlicesRead, checkpoint: Checkpoint) -> bool:
        if read.outputs < self._share:
            return True
        position = checkpoint.sweep.position
        at = next((each.at for each in checkpoint.sweep.refreshed if each.end > position), None)
        is_late = at is not None and at < self._too_old
        return is_late and read.outputs < self._share * CATCH_UP


@dataclass(frozen=True, slots=True)
class RefreshBudget:
    """One bound; the other is None."""

    requests: int | None = None
    seconds: float | None = None

    @classmethod
    def parse(cls, text: str) -> RefreshBudget:
        """Parse `500requests` or `10m`. Raises ConfigurationError."""
        found = _BUDGET.fullmatch(text.strip())
        amount, unit = (float(found[1]), found[2]) if found else (0.0, "")
        if amount >= 1 and unit.startswith("request") and amount.is_integer():
            return cls(requests=int(amount))
        if amount > 0 and unit in _SECONDS:
            return cls(seconds=amount * _SECONDS[unit])
        raise ConfigurationError(
            f"budget: {text[:60]!r} is neither a number of requests nor a time",
            hint="write a number of requests as 500requests, or a time as 10m",
        )


class WithinBudget:
    """What another pace wants, as long as the budget lasts. `spent`: whether the budget ended it."""

    def __init__(self, budget: RefreshBudget, pace: Pace, source: Source, monotonic: Callable[[], float]) -> None:
        self._pace, self._source, self._monotonic = pace, source, monotonic
        self._requests = budget.requests
        self._until = None if budget.seconds is None else monotonic() + budget.seconds
        self.spent = False
        self.is_share = pace.is_share

    def wants_more(self, read: SlicesRead, checkpoint: Checkpoint) -> bool:
        if not self._pace.wants_more(read, checkpoint):
            return False
        self.spent = (self._requests is not None and self._source.requests + RESERVED >= self._requests) or (
            self._until is not None and self._monotonic() >= self._until
        )
        return not self.spent
