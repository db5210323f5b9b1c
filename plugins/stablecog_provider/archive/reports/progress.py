"""Writes progress to a log, a line now and then, for tasks and cron jobs that run for hours."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..ports import Progress

EVERY = 15.0
"""Seconds between two lines, at first."""
GROWTH = 0.05
"""Part of the time since the start that may pass between two lines, if lines may become rarer."""


class LoggedProgress:
    """A `ProgressListener`. `log` is called with a format and its values, like a logger's method. `slowest`: the most seconds
    between two lines; above `EVERY`, lines become rarer in a run that takes hours.
    """

    def __init__(
        self, log: Callable[..., object], monotonic: Callable[[], float] = time.monotonic, *, slowest: float = EVERY
    ) -> None:
        self._log, self._monotonic, self._slowest = log, monotonic, slowest
        self._start = monotonic()
        self._next = self._start + EVERY

    def __call__(self, progress: Progress) -> None:
        now = self._monotonic()
        if now < self._next:
            return
        self._next = now + min(max(EVERY, GROWTH * (now - self._start)), self._slowest)
        self._log(
            "%s: %d of %d images, %d failed, %.1f MB%s%s",
            progress.stage or "archiving",
            progress.done,
            progress.planned,
            progress.failed,
            progress.bytes / 1e6,
            f"; {progress.read} outputs read" if progress.read or progress.total is not None else "",
            "" if progress.total is None else f" of {progress.total}",
        )
