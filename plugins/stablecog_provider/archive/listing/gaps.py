"""What a run reads: the gaps of coverage, the lookback, and the places of images that are to be tried again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

from ...model.checkpoint import Checkpoint
from ...model.coverage import Axis, Coverage, Window
from ...model.object_keys import day_of
from ...model.page import MAX_PER_PAGE
from ...model.row_attempts import LONGEST_ABSENCE
from ...model.times import BEGINNING
from .pages import span

LOOKBACK_OUTPUTS = 6000
"""A lookback holds at most about so many outputs (20 pages), by the manifest's counts: what is older, the sweep reads again."""
DAYS_LISTED_AGAIN = 16
"""Days with due images whose listing a run reads again before it requests them. The others are requested as they are."""
LONGEST_JOINED = timedelta(days=31)
"""Windows that are read by one walk span no more: each day is a partition to load."""
_DAY = timedelta(days=1)


def from_the_top(windows: Coverage) -> Coverage:
    """What is read instead if no cursor leads to an old place: every walk begins at the newest output, so that one is enough."""
    spanned = windows.windows
    return Coverage((Window(spanned[0].start, spanned[-1].end),)) if spanned else windows


class ReadingSettings(Protocol):
    """Of `ArchiveSettings`, what decides what is read."""

    @property
    def start(self) -> datetime | None: ...

    @property
    def end(self) -> datetime | None: ...

    @property
    def lookback(self) -> timedelta: ...

    @property
    def retry_failed(self) -> bool: ...


def due_days(checkpoint: Checkpoint, now: datetime, *, everything: bool) -> list[date]:
    """The days whose images are due, the longest due first: so images that keep failing cannot hold back the others for ever.
    An attempt in our future was stamped by a clock that was ahead.
    """
    soon = LONGEST_ABSENCE if everything else timedelta(0)

    def is_due(day: date, at: datetime) -> bool:
        tried = checkpoint.partitions[day].tried
        return at - now <= soon or at - now > LONGEST_ABSENCE or (tried is not None and tried > now)

    due = {day: at for day, at in checkpoint.due.items() if is_due(day, at)}
    return sorted(due, key=lambda day: (due[day], day))


def windows_to_read(checkpoint: Checkpoint, settings: ReadingSettings, settled: datetime, now: datetime) -> Coverage:
    """`checkpoint` is on the walk's axis."""
    return _joined(gaps(checkpoint, settings, settled, now), checkpoint)


async def windows_to_list_again(
    checkpoint: Checkpoint, days: Sequence[date], outdated: Callable[[date], Awaitable[Coverage]], settled: datetime
) -> Coverage:
    """Where the due images are listed. `checkpoint` is on the walk's axis. `outdated`: places of a day (requested axis)."""
    windows = Coverage()
    for day in days:
        # Widened by what may have been in flight around it, and no further than what has settled.
        around = (await outdated(day)).around(checkpoint.axis, Axis.REQUESTED)
        windows = windows.merge(around.intersect(span(BEGINNING, settled)))
    return _joined(windows, checkpoint)


def _joined(windows: Coverage, checkpoint: Checkpoint) -> Coverage:
    """Neighbours put together while a page holds them, by the manifest's counts: one request reads them all. What lies between
    them is covered, and so little that reading it again costs nothing else.
    """
    joined: list[Window] = []
    for window in windows:
        if joined:
            together = Window(joined[-1].start, window.end)
            between = Window(joined[-1].end, window.start)
            fits = together.end - together.start <= LONGEST_JOINED and held(checkpoint, together) <= MAX_PER_PAGE
            if fits and not checkpoint.coverage.gaps(between):
                joined[-1] = together
                continue
        joined.append(window)
    return Coverage(tuple(joined))


def held(checkpoint: Checkpoint, window: Window) -> float:
    """Return about how many outputs the manifest holds in the window, as if those of a day were spread evenly."""
    held, start = 0.0, window.start
    while start < window.end:
        midnight = datetime(start.year, start.month, start.day, tzinfo=start.tzinfo)
        end = min(midnight + _DAY, window.end)
        summary = checkpoint.partitions.get(day_of(start))
        held += summary.live * ((end - start) / _DAY) if summary else 0
        start = end
    return held


def gaps(checkpoint: Checkpoint, settings: ReadingSettings, settled: datetime, now: datetime) -> Coverage:
    """The gaps between what is asked for and what is covered, less the holes that need no second look yet, and the lookback
    before the end of coverage.
    """
    start, end = settings.start or BEGINNING, min(settings.end or settled, settled)
    if start >= end:
        return Coverage()
    wanted = Window(start, end)
    found = checkpoint.coverage.gaps(wanted).subtract(resting(checkpoint, now))
    reached = checkpoint.coverage.intersect(Coverage((wanted,))).windows
    if settings.end is None and settings.lookback and reached:
        newest = reached[-1].end
        since = max(start, _affordable(checkpoint, newest, settings.lookback))
        if since < newest:
            found = found.merge(Coverage((Window(since, newest),)))
    return found


def resting(checkpoint: Checkpoint, now: datetime) -> Coverage:
    """The holes that are not walked again in this run: all but one that is due, since each may cost as much as a dense walk."""
    due = [hole for hole in checkpoint.holes if not hole.looked_at <= now < hole.due]
    again = min(due, key=lambda hole: hole.due, default=None)
    return Coverage.of(hole.window for hole in checkpoint.holes if hole is not again)


def _affordable(checkpoint: Checkpoint, newest: datetime, lookback: timedelta) -> datetime:
    """Return the start of the lookback, at most `LOOKBACK_OUTPUTS` outputs back by the manifest's counts."""
    since, held = newest - min(lookback, newest - BEGINNING), 0
    for day in reversed(checkpoint.live_days):
        if day < day_of(since):
            break
        live = checkpoint.partitions[day].live
        if held + live > LOOKBACK_OUTPUTS:
            midnight = datetime(day.year, day.month, day.day, tzinfo=newest.tzinfo)
            top = min(newest, midnight + timedelta(days=1))
            return max(since, top - (top - midnight) * (LOOKBACK_OUTPUTS - held) / live)
        held += live
    return since
