"""A slice of the second reading, held against the manifest output by output."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from datetime import date, datetime

from ...model.checkpoint import Checkpoint, Sweep
from ...model.coverage import Axis, Coverage, Window
from ...model.manifest import Row
from ...model.object_keys import day_of
from ...model.output import identity, instant_on
from ...model.refreshed import read_again
from ...model.row_lifecycle import is_live
from ...model.times import BEGINNING, MICROSECOND
from ..committing.inventory import day_window
from ..committing.ledger import Ledger
from ..committing.pipeline import WorkItems
from ..listing.sweep import Slice


async def swept(
    slice_: Slice, ledger: Ledger, covered: Coverage, axis: Axis, read_at: datetime
) -> AsyncIterator[WorkItems]:
    """What the slice adds to what is covered: outputs that the manifest lacks, images that came late, metadata that changed."""
    ours = [each for each in slice_.outputs if (at := instant_on(axis, each)) is None or at in covered]
    yield WorkItems(await ledger.entries(ours, read_at))


async def unlisted_in(slice_: Slice, ledger: Ledger, known: Collection[date], axis: Axis) -> Coverage:
    """Where (requested axis) the manifest holds live outputs that the slice does not list, a stretch per day; of a crowded slice,
    all of it, and of one whose pages fail, the days in it. It is read again, and counted, before anything is made of it. `known`:
    the days that have a partition.
    """
    if slice_.crowded:
        whole = Coverage((slice_.window,)).around(Axis.REQUESTED, axis)
        # What fails may come after years without outputs, and those would be read day by day.
        return whole.intersect(Coverage.of(map(day_window, known))) if slice_.unread else whole
    listed = {identity(output) for output in slice_.outputs}
    found: list[Window] = []
    for window in Coverage((slice_.window,)).around(Axis.REQUESTED, axis):
        for day in sorted(day for day in known if day_of(window.start) <= day <= day_of(window.end - MICROSECOND)):
            if not await ledger.readable([day]):
                continue
            instants = [
                row.created_at
                for row in (await ledger.partition(day)).rows()
                if is_live(row) and row.output_id not in listed and _is_in(slice_.window, row, axis)
            ]
            if instants:
                found.append(Window(min(instants), max(instants) + MICROSECOND))
    return Coverage.of(found)


def _is_in(window: Window, row: Row, axis: Axis) -> bool:
    at = row.output_created_at if axis is Axis.COMPLETED else row.created_at
    return at is not None and at in window


def advanced(checkpoint: Checkpoint, slice_: Slice, read_at: datetime) -> Checkpoint:
    """The checkpoint once this slice was read again. The next round begins with the run after the last slice: what was covered
    since that slice was read has been read in this round anyway.
    """
    sweep, window = checkpoint.sweep, slice_.window
    skipped = Coverage((Window(sweep.position, window.start),)) if sweep.position < window.start else Coverage()
    if skipped.intersect(checkpoint.coverage):
        # Another run was first, or the axis changed: its reading is kept.
        return checkpoint
    if sweep.began is not None and read_at < sweep.began:
        # The slice was read before this round began.
        return checkpoint
    began, failed = sweep.began or read_at, sweep.failed.merge(slice_.unread)
    read = Coverage((window,)).intersect(checkpoint.coverage).subtract(slice_.unread)
    refreshed = read_again(sweep.refreshed, read, read_at)
    if slice_.last:
        rounds = sweep.rounds + 1
        ended = Sweep(BEGINNING, None, began, rounds, unread=failed, paced=sweep.paced, refreshed=refreshed)
        return replace(checkpoint, sweep=ended)
    position = max(sweep.position, window.end)
    going_on = replace(sweep, position=position, began=began, failed=failed, refreshed=refreshed)
    return replace(checkpoint, sweep=going_on)
