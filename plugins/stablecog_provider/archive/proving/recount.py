"""What the source's counts prove of a manifest whose checkpoint is being rebuilt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from ...model.counts import CountComparison, Proof
from ...model.coverage import MAX_LATENCY, Axis, Coverage, Window
from ...model.times import BEGINNING, MICROSECOND
from ..listing.capabilities import Probe
from ..listing.counts import SourceCounts
from ..ports import Ports
from .bisection import LiveCount, by_date, by_total


@dataclass(frozen=True, slots=True)
class Counted:
    """What the counts prove, on the axis of the walk."""

    coverage: Coverage
    proof: Proof | None = None
    gaps: tuple[CountComparison, ...] = ()
    claims: tuple[str, ...] = ()


async def recount(ports: Ports, asked: Probe, live: Mapping[date, int], newest: datetime) -> Counted:
    """Compare the source's counts with the manifest's. `live`: outputs per day. `newest`: when the newest was requested."""
    axis = asked.capabilities.axis
    counts = SourceCounts(source=ports.source, capabilities=asked.capabilities)
    # A clock that was never set has no place on the axis: then nothing is covered, and the next run compares all of it.
    end = max(min(asked.page.source_time, ports.clock.now()) - MAX_LATENCY, BEGINNING + MICROSECOND)
    if not asked.capabilities.counts_by_date:
        # What was requested before `newest - MAX_LATENCY` had completed when the newest output was read.
        ends = [newest - MAX_LATENCY] if newest > BEGINNING + MAX_LATENCY else []
        since = Window(BEGINNING, min(end, newest + MICROSECOND))
        if not ends or await counts.of(since) == await counts.of(Window(BEGINNING, end)):
            # Nothing was made since, which nobody may have read.
            ends.insert(0, end)
        proven = await by_total(counts, live, [one for one in ends if one <= end], _live_in(ports, live))
        claim = "The source's counts ignore dates: only the total could be compared."
        rest = Coverage((Window(BEGINNING, end),)).subtract(proven)
        gaps = tuple(CountComparison(window, 0, 0, counted=False) for window in rest)
        return Counted(proven.on(axis, Axis.REQUESTED), gaps=gaps, claims=(*counts.claims, claim))
    stretches = await by_date(counts, live, newest, end, _live_in(ports, live))
    gaps = tuple(cell for cell in stretches if not cell.agrees)
    proven = Coverage.of(cell.window for cell in stretches if cell.agrees)
    return Counted(
        proven.on(axis, Axis.REQUESTED), _proof(stretches, gaps, ports.clock.now()), gaps, tuple(counts.claims)
    )


def _live_in(ports: Ports, days: Collection[date]) -> LiveCount:
    async def live(day: date, window: Window) -> int:
        return (await ports.manifest.load(day, expected=day in days)).live_count(window)

    return live


def _proof(stretches: list[CountComparison], gaps: tuple[CountComparison, ...], now: datetime) -> Proof | None:
    """Of the whole; none if differences happen to cancel out, or a part was not counted."""
    source, manifest = sum(cell.source for cell in stretches), sum(cell.manifest for cell in stretches)
    if not all(cell.counted for cell in stretches) or (gaps and source == manifest):
        return None
    return Proof(BEGINNING, stretches[-1].window.end, source, manifest, now, len(stretches))
