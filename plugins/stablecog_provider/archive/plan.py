"""Splits what is not archived yet into windows of about equal work, by the source's counts: for many runs, also at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ..errors import ConfigurationError
from ..model.checkpoint import Checkpoint
from ..model.coverage import Coverage, Window
from ..model.times import BEGINNING, format_instant
from .listing.capabilities import probe
from .listing.counts import count_window
from .ports import Source

NARROWEST = timedelta(minutes=10)
"""Below this, halving costs more than it levels: what is in flight at an edge is read on both sides of it."""


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

    One window if the source's counts do not honour dates. About two requests per window, and 15 to find where the account
    begins. Raises ConfigurationError, and what the source raises.
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
    planned: list[PlannedWindow] = []
    for gap, count in counts:
        planned += [piece async for piece in _joined(_halved(source, gap, count, most), most)]
    return planned


async def _halved(source: Source, window: Window, count: int, most: int) -> AsyncIterator[PlannedWindow]:
    """The window in parts of at most half of `most`, in the order of time."""
    if count * 2 <= most or window.end - window.start <= NARROWEST:
        yield PlannedWindow(window, count)
        return
    middle = window.start + (window.end - window.start) // 2
    left, right = Window(window.start, middle), Window(middle, window.end)
    early = await _count(source, left)
    for half, inside in ((left, early), (right, max(0, count - early))):
        async for piece in _halved(source, half, inside, most):
            yield piece


async def _joined(parts: AsyncIterator[PlannedWindow], most: int) -> AsyncIterator[PlannedWindow]:
    """Neighbours put together as long as they hold no more than `most`."""
    current: PlannedWindow | None = None
    async for part in parts:
        if current is None:
            current = part
        elif current.outputs + part.outputs <= most:
            current = PlannedWindow(Window(current.window.start, part.window.end), current.outputs + part.outputs)
        else:
            yield current
            current = part
    if current is not None:
        yield current


async def _count(source: Source, window: Window) -> int:
    return await count_window(source, window) or 0
