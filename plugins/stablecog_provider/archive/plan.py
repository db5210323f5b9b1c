"""Splits what is not archived yet into windows of about equal work, by the source's counts: for many runs, also at once."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle, pairwise
from operator import itemgetter
from typing import Any

from ..errors import ConfigurationError, SourceUnavailable
from ..model.checkpoint import Checkpoint
from ..model.coverage import Coverage, Window
from ..model.page import Order, PageQuery
from ..model.times import BEGINNING, format_instant
from .listing.capabilities import probe
from .listing.counts import count_window
from .ports import Source

NARROWEST = timedelta(minutes=10)
"""Below this, dividing costs more than it levels: what is in flight at an edge is read on both sides of it."""
LEAST, AIM = 0.6, 0.8
"""How full a window is to be: at least, and if it can be chosen, as a part of an equal share. Exact ones cost more counts."""


@dataclass(frozen=True, slots=True)
class PlannedWindow:
    """A window of the walk's axis, and about how many outputs it holds (counted by request: an output in flight at an edge
    may be the neighbour's).
    """

    window: Window
    outputs: int

    def to_document(self) -> dict[str, Any]:
        """As operator arguments: `start` and `end` are RFC 3339 text."""
        return {"start": format_instant(self.window.start), "end": format_instant(self.window.end)}


async def plan(source: Source, checkpoint: Checkpoint | None, *, pieces: int) -> list[PlannedWindow]:
    """Tile what is settled and not covered with about `pieces` windows. They touch, so that coverage becomes unbroken.

    One window if the source's counts do not honour dates. About two requests per window.
    Raises ConfigurationError, and what the source raises.
    """
    if pieces < 1:
        raise ConfigurationError(f"pieces: {pieces} is less than 1")
    asked = await probe(source)
    axis = asked.capabilities.axis
    settled = asked.page.source_time - axis.settling
    covered = checkpoint.on(axis).coverage if checkpoint else Coverage()
    gaps = covered.gaps(Window(BEGINNING, settled))
    if not asked.capabilities.counts_by_date:
        return [PlannedWindow(gap, 0) for gap in gaps]
    counts = [(gap, await _count(source, gap)) for gap in gaps]
    most = max(1, -(-sum(count for _, count in counts) // pieces))
    first = await _first_requested(source) if asked.capabilities.ascending else BEGINNING
    planned: list[PlannedWindow] = []
    for gap, count in counts:
        planned += await _Edges(source, gap, count, first).divided(most)
    return planned


@dataclass(slots=True)
class _Edges:
    """The instants at which the source was asked for its count of a gap. `known`: (instant, outputs before it), rising in both.
    `first`: the account has no output before it.
    """

    source: Source
    gap: Window
    count: int
    first: datetime
    known: list[tuple[datetime, int]] = field(init=False)

    def __post_init__(self) -> None:
        begins = [(self.first, 0)] if self.gap.start < self.first < self.gap.end else []
        self.known = [(self.gap.start, 0), *begins, (self.gap.end, self.count)]

    async def divided(self, most: int) -> list[PlannedWindow]:
        """Divide the gap into windows of at most `most` outputs; one of the narrowest windows may hold more."""
        edges = [self.known[0]]
        while self.count - edges[-1][1] > most:
            edges.append(await self._next(edges[-1], most))
        tiles = pairwise([*edges, self.known[-1]])
        return [PlannedWindow(Window(start, end), until - before) for (start, before), (end, until) in tiles]

    async def _next(self, edge: tuple[datetime, int], most: int) -> tuple[datetime, int]:
        """Return the edge of the window after `edge`: interpolated, and halved where that does not get nearer."""
        least, target = edge[1] + most * LEAST, edge[1] + most * AIM
        for interpolate in cycle((True, True, False)):
            after = bisect_right(self.known, edge[1] + most, lo=1, hi=len(self.known) - 1, key=itemgetter(1))
            (start, low), (end, high) = self.known[after - 1], self.known[after]
            if low >= least:
                return start, low
            if end - start <= NARROWEST:
                return (start, low) if start > edge[0] else (end, high)
            share = (target - low) / (high - low) if interpolate else 0.5
            asked = start + (end - start) * min(max(share, 0.01), 0.99)
            before = await _count(self.source, Window(self.gap.start, asked))
            # An output that is deleted meanwhile must not turn the order round.
            self.known.insert(after, (asked, min(max(before, low), high)))
        raise AssertionError("a cycle has no end")


async def _first_requested(source: Source) -> datetime:
    """Return when the account's first output was requested: one request to a source that ascends, and it saves ten counts."""
    try:
        page = await source.page(PageQuery(cursor=BEGINNING, order=Order.ASCENDING, per_page=1))
    except SourceUnavailable:
        # Only this page may fail: the counts find the beginning as well.
        return BEGINNING
    return min((output.created_at for output in page.outputs if output.created_at is not None), default=BEGINNING)


async def _count(source: Source, window: Window) -> int:
    return await count_window(source, window) or 0
