"""Writes progress to a log, one line every 15 seconds, for tasks and cron jobs that run for hours."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..ports import Progress

EVERY = 15.0
"""Seconds between two lines."""


class LoggedProgress:
    """A `ProgressListener`. `log` is called with a format and its values, like a logger's method."""

    def __init__(self, log: Callable[..., object], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log, self._monotonic = log, monotonic
        self._next = monotonic() + EVERY

    def __call__(self, progress: Progress) -> None:
        now = self._monotonic()
        if now < self._next:
            return
        self._next = now + EVERY
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
