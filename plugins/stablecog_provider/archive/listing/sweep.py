"""The rotating second reading: one slice of the whole history in every run, so that nothing stays unread for ever.

A count cannot see a loss that a deletion evens out, an upscale that came late, or metadata that changed. Reading again does. A
slice costs one request (in the current dialect the one that probes the source anyway), so the whole takes a known number of runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ...model.checkpoint import Checkpoint
from ...model.coverage import Axis, Coverage, Window
from ...model.object_keys import day_of
from ...model.output import Output, UnreadableOutput, instant_on
from ...model.page import MAX_PER_PAGE, Page
from ...model.partition_summary import PartitionSummary
from ...model.times import BEGINNING, FAR_FUTURE, MICROSECOND
from ..ports import Source
from .capabilities import Ascending, Capabilities, Probe, ascending_from
from .pages import completions, reach_up
from .walk import walk

SLICE_DAYS = 2
"""A slice touches so many partitions at most: each of them is read from the store."""
LONG_SLICE_DAYS = 31
"""The same for a slice beyond the first of a run: on a sparse account, it saves requests to the source."""
SLICE_OUTPUTS = 250
"""By the manifest's counts, so that a slice mostly fits on one page."""


@dataclass(frozen=True, slots=True)
class Slice:
    """All that the source lists in `window`, on the axis of the walk. `last`: whether it reaches the end of what was covered when
    it was read, so that a round ends with it. `crowded`: there is more in it than the page could show. `unread`: where every page
    fails, so that nothing could be read again.
    """

    window: Window
    outputs: tuple[Output | UnreadableOutput, ...]
    last: bool = False
    crowded: bool = False
    unread: Coverage = Coverage()


def sweep_from(checkpoint: Checkpoint | None) -> datetime | None:
    """Where the next slice begins; None if there is nothing to read again."""
    return _first_covered(checkpoint) if checkpoint is not None and checkpoint.live else None


def _first_covered(checkpoint: Checkpoint) -> datetime:
    """The first instant from the sweep's position on that is covered: nothing else is read again."""
    position = checkpoint.sweep.position
    return next((max(position, window.start) for window in checkpoint.coverage if window.end > position), position)


async def read_slice(source: Source, asked: Probe, checkpoint: Checkpoint) -> Slice | None:
    """The next slice of what is covered; None if there is none, or if the source's cursor leads to no place."""
    if not checkpoint.coverage or not checkpoint.live:
        return None
    end = checkpoint.coverage.windows[-1].end
    if asked.capabilities.single:
        # The page that was asked for first has all that there is.
        whole, axis = Window(BEGINNING, end), asked.capabilities.axis
        listed = tuple(output for output in asked.page.outputs if (instant_on(axis, output) or end) in whole)
        return Slice(whole, listed, last=True)
    if asked.ascending is None:
        return await _walked_from(source, asked, checkpoint, SLICE_DAYS)
    slice_ = _of_page(asked.ascending, end, SLICE_DAYS)
    if slice_ is None or slice_.window.end > _first_covered(checkpoint):
        return slice_
    # The probe's page begins some minutes before the newest output. If these fill it, it ends before what is to be read next.
    return await _rising_from(source, asked, checkpoint, SLICE_DAYS)


async def read_next_slice(source: Source, asked: Probe, checkpoint: Checkpoint) -> Slice | None:
    """As `read_slice`, for a run that goes on after the slice that came with the probe. `checkpoint` has the position after it,
    on the axis of the walk.
    """
    if not checkpoint.coverage or not checkpoint.live or asked.capabilities.single:
        return None
    if asked.ascending is not None:
        return await _rising_from(source, asked, checkpoint, LONG_SLICE_DAYS)
    return await _walked_from(source, asked, checkpoint, LONG_SLICE_DAYS)


async def _rising_from(source: Source, asked: Probe, checkpoint: Checkpoint, most_days: int) -> Slice | None:
    end, start = checkpoint.coverage.windows[-1].end, _first_covered(checkpoint)
    ascending = await ascending_from(source, asked, start) if start < end else None
    return _of_page(ascending, end, most_days) if ascending else None


async def _walked_from(source: Source, asked: Probe, checkpoint: Checkpoint, most_days: int) -> Slice | None:
    if asked.capabilities.cursor is None or checkpoint.axis is not Axis.REQUESTED:
        return None
    end = checkpoint.coverage.windows[-1].end
    window = _next_window(checkpoint.partitions, _first_covered(checkpoint), end, most_days)
    return await _walked(source, window, asked.capabilities, end) if window else None


def _of_page(ascending: Ascending, end: datetime, most_days: int) -> Slice | None:
    """What the page proves: every output completed after its cursor and before its last row's request."""
    start = (ascending.failing_from or ascending.cursor) + MICROSECOND
    if start >= end:
        return None
    if ascending.failing_from is not None:
        # The slice ends behind what fails; the neighbours are read as those of a crowded one are.
        failing = Window(start, max(start + MICROSECOND, min(ascending.cursor + MICROSECOND, end)))
        return Slice(failing, (), last=failing.end >= end, crowded=True, unread=Coverage((failing,)))
    reached = min(reach_up(ascending.page)[0], end)
    if crowded := start >= reached:
        # Outputs in flight at the cursor fill the page.
        reached = min(max(completions(ascending.page)) + MICROSECOND, end)
    else:
        reached = min(reached, _after_some_days(ascending.page, start, most_days))
    window = Window(start, reached)
    shown = tuple(output for output in ascending.page.outputs if (instant_on(Axis.COMPLETED, output) or end) in window)
    return Slice(window, shown, last=reached >= end, crowded=crowded)


def _after_some_days(page: Page, start: datetime, most_days: int) -> datetime:
    """The midnight after as many days with outputs as a slice may have. What was requested before `start` and completed late
    belongs to it too, whatever its day.
    """
    instants = [output.created_at for output in page.outputs if output.created_at is not None]
    days = sorted({day_of(at) for at in instants if at >= start})
    return _midnight(days[most_days]) if len(days) > most_days else FAR_FUTURE


async def _walked(source: Source, window: Window, capabilities: Capabilities, end: datetime) -> Slice:
    outputs: dict[str, Output | UnreadableOutput] = {}
    async for step in walk(source, window, capabilities, MAX_PER_PAGE):
        outputs |= {output.id or output.raw: output for output in step.outputs}
    listed = tuple(output for output in outputs.values() if output.created_at and output.created_at in window)
    return Slice(window, listed, last=window.end >= end)


def _next_window(
    partitions: Mapping[date, PartitionSummary], position: datetime, end: datetime, most_days: int
) -> Window | None:
    """The next days with live outputs, together at most `SLICE_OUTPUTS`; of a fuller day, its next part. After the last day that
    has any, the rest.
    """
    reached, days, outputs = position, 0, 0
    for day in sorted(day for day, each in partitions.items() if each.live and _midnight(day) < end):
        start, live = max(position, _midnight(day)), partitions[day].live
        finish = _midnight(day) + timedelta(days=1)
        if finish <= position or day <= day_of(BEGINNING):
            continue
        if days and (days >= most_days or outputs + live > SLICE_OUTPUTS):
            break
        part = start + timedelta(days=1) * SLICE_OUTPUTS / max(live, SLICE_OUTPUTS)
        reached, days, outputs = min(finish, part), days + 1, outputs + live
        if reached < finish:
            break
    else:
        reached = end
    reached = min(reached, end)
    return Window(position, reached) if position < reached else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
