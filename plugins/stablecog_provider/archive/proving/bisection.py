"""Which stretches the manifest holds as the source counts them: few requests where most agree.

Whole groups of days are compared first, then halves of those that differ. The groups are bounded, so that a row lost here and
an output deleted there rarely cancel out. Of the day where the archive ends, the part that agrees is found to the second.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from ...model.counts import CountComparison
from ...model.coverage import Coverage, Window
from ...model.object_keys import day_of
from ...model.times import BEGINNING, MICROSECOND
from ..listing.counts import SourceCounts

DAY = timedelta(days=1)
GROUP = 64
"""Stretches compared by one request: about a month."""
FINEST = timedelta(seconds=1)

LiveCount = Callable[[date, Window], Awaitable[int]]


async def by_date(
    counts: SourceCounts, days: Mapping[date, int], newest: datetime, end: datetime, live: LiveCount
) -> list[CountComparison]:
    """All of `[BEGINNING, end)` in stretches that agree or differ, rising. `live` counts within a day of the manifest. `newest`:
    when the newest row was requested. Nobody may have read what was made since, so that it is counted alone: it must not cancel
    out with what was deleted before.
    """
    since = min(end, newest + MICROSECOND) if any(days.values()) else BEGINNING
    older = [CountComparison(window, 0, held) for window, held in await _cells(days, since, live)]
    newer = [CountComparison(Window(since, end), 0, 0)] if since < end else []
    cells = [*older, *newer]
    found: list[CountComparison] = []
    for group in [*(older[at : at + GROUP] for at in range(0, len(older), GROUP)), *([newer] if newer else [])]:
        found += await _compared(counts, group, await _source(counts, group))
    last = max((window.window.start for window in cells if window.manifest), default=BEGINNING)
    edge = next((number for number, cell in enumerate(found) if not cell.agrees and cell.window.end > last), None)
    if edge is not None:
        found[edge : edge + 1] = await _cut(counts, found[edge], live)
    return found


async def by_total(
    counts: SourceCounts, days: Mapping[date, int], ends: Sequence[datetime], live: LiveCount
) -> Coverage:
    """The stretch up to the first of `ends` for which the grand total agrees; empty if none does."""
    for end in ends:
        held = sum([count for _, count in await _cells(days, end, live)])
        if held == await counts.of(Window(BEGINNING, end)):
            return Coverage((Window(BEGINNING, end),))
    return Coverage()


async def _cells(days: Mapping[date, int], end: datetime, live: LiveCount) -> list[tuple[Window, int]]:
    """Every day that holds live outputs, cut at `end`, and the empty stretches between."""
    cells: list[tuple[Window, int]] = []
    reached = BEGINNING
    for day in sorted(day for day, count in days.items() if count):
        start = datetime.combine(day, time(), UTC)
        if start >= end:
            break
        if reached < start:
            cells.append((Window(reached, start), 0))
        reached = min(start + DAY, end)
        whole = Window(start, reached)
        cells.append((whole, days[day] if reached == start + DAY else await live(day, whole)))
    if reached < end:
        cells.append((Window(reached, end), 0))
    return cells


async def _compared(counts: SourceCounts, cells: list[CountComparison], source: int | None) -> list[CountComparison]:
    """Return the cells, joined if they agree together, halved down to single ones if they do not. Without a count, all of them
    are one that was not counted.
    """
    together = CountComparison(
        Window(cells[0].window.start, cells[-1].window.end),
        source or 0,
        sum(cell.manifest for cell in cells),
        counted=source is not None,
    )
    if together.agrees or len(cells) == 1 or source is None:
        return [together]
    left, right = cells[: len(cells) // 2], cells[len(cells) // 2 :]
    in_left = await _source(counts, left)
    in_right = None if in_left is None else max(0, source - in_left)
    return await _compared(counts, left, in_left) + await _compared(counts, right, in_right)


async def _cut(counts: SourceCounts, cell: CountComparison, live: LiveCount) -> list[CountComparison]:
    """A cell that differs as one that agrees, found by halving, and the rest."""
    good, bad = CountComparison(Window(cell.window.start, cell.window.end), 0, 0), cell.window.end
    reached = cell.window.start
    while bad - reached > FINEST:
        middle = reached + (bad - reached) / 2
        tried = Window(cell.window.start, middle)
        source, manifest = await counts.of(tried), await _held(tried, live)
        if source is not None and source == manifest:
            good, reached = CountComparison(tried, source, manifest), middle
        else:
            bad = middle
    if reached == cell.window.start:
        return [cell]
    rest = CountComparison(
        Window(reached, cell.window.end),
        max(0, cell.source - good.source),
        max(0, cell.manifest - good.manifest),
        counted=cell.counted,
    )
    return [good, rest]


async def _held(window: Window, live: LiveCount) -> int:
    # A cell is one day, or a stretch without any.
    return await live(day_of(window.start), window) if window.end - window.start <= DAY else 0


async def _source(counts: SourceCounts, cells: list[CountComparison]) -> int | None:
    return await counts.of(Window(cells[0].window.start, cells[-1].window.end))
