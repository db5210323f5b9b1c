"""The source's counts: of any window if they honour dates, otherwise derived from the grand total."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ...model.coverage import Axis, Coverage, Window
from ...model.output import Output, UnreadableOutput, identity
from ...model.page import MAX_PER_PAGE, Page, PageQuery
from ...model.times import BEGINNING, FAR_FUTURE, MICROSECOND
from ..ports import Source
from .capabilities import Capabilities, WalkKind
from .walk import walk


async def count_window(source: Source, window: Window) -> int | None:
    """Return the source's count of live outputs requested in the window, or None if the response has none.

    Only a source whose counts honour dates answers this; others return their grand total.
    """
    page = await source.page(PageQuery(per_page=1, start=window.start, end=window.end - MICROSECOND))
    return page.total


@dataclass(slots=True)
class _Newer:
    """What is listed from `reached` on, as long as `state` stays: the source's total, and the outputs on its newest page."""

    state: tuple[int | None, tuple[str, ...]]
    reached: datetime
    walked: bool = False
    _listed: dict[str, datetime] = field(default_factory=dict)
    _instants: list[datetime] = field(default_factory=list)

    @classmethod
    def of(cls, page: Page) -> _Newer:
        """`page`: the newest one. If no other follows, it shows all that there is."""
        newer = cls(_state(page), BEGINNING)
        newer.add(page.outputs)
        if page.next is not None:
            # Of the outputs of its last instant, the page may have cut off some.
            oldest = min(newer._listed.values(), default=None)
            newer.reached = FAR_FUTURE if oldest is None else oldest + MICROSECOND
        return newer

    def add(self, outputs: Iterable[Output | UnreadableOutput]) -> None:
        # The manifest keeps outputs without a date before all others: they are not newer than anything.
        self._listed.update((identity(row), row.created_at) for row in outputs if row.created_at is not None)
        self._instants = sorted(self._listed.values())

    def shown_in(self, window: Window) -> set[str]:
        return {output_id for output_id, at in self._listed.items() if at >= self.reached and at in window}

    def since(self, instant: datetime) -> int:
        return len(self._instants) - bisect_left(self._instants, instant)


@dataclass(slots=True, kw_only=True)
class SourceCounts:
    """Counts on the requested axis. `claims`: sentences about them for the report. `read`: lines of the listing that were read
    in order to count.
    """

    source: Source
    capabilities: Capabilities
    per_page: int = MAX_PER_PAGE
    claims: list[str] = field(default_factory=list)
    read: int = 0
    _newer: _Newer | None = None

    async def of(self, window: Window) -> int | None:
        """Return the number of live outputs in the window, or None if the source reports none.

        If counts do not honour dates, this is the number of all outputs before the window's end.
        """
        if self.capabilities.counts_by_date:
            return await count_window(self.source, window)
        return await self._before(window.end)

    def shows_alike(self, window: Window, listed: Mapping[str, datetime | None]) -> bool:
        """Whether the pages that the last count was derived from show the same outputs in the window as `listed`, as far down as
        they reach. If the listing is behind, equal numbers may be of different outputs.
        """
        newer = self._newer
        if newer is None:
            return True
        shown = {
            output_id for output_id, at in listed.items() if at is not None and at >= newer.reached and at in window
        }
        return shown == newer.shown_in(window)

    async def _before(self, end: datetime) -> int | None:
        """Return the grand total minus what is listed from `end` on."""
        per_page = None if self.capabilities.walk is WalkKind.DOCUMENTED else MAX_PER_PAGE
        page = await self.source.page(PageQuery(per_page=per_page))
        if page.total is None:
            self.claims.append("The source reports no count: completeness cannot be proven.")
            return None
        if self._newer is None or self._newer.state != _state(page):
            self._newer = _Newer.of(page)
        if end < self._newer.reached:
            await self._extend(self._newer, end)
        # A total may be behind the listing.
        return max(0, page.total - self._newer.since(end))

    async def _extend(self, newer: _Newer, end: datetime) -> None:
        """Read on, down to `end`. Without a cursor that leads there, every walk begins at the newest output: the second one reads
        everything, so that there is no third.
        """
        if newer.walked and self.capabilities.walk is WalkKind.DOCUMENTED:
            end = BEGINNING
        requested = Coverage((Window(end, newer.reached),))
        found: list[Output | UnreadableOutput] = []
        for stretch in requested.around(self.capabilities.axis, Axis.REQUESTED):
            async for step in walk(self.source, stretch, self.capabilities, self.per_page):
                found += step.outputs
                self.read += step.lines or len(step.outputs)
        newer.add(found)
        newer.reached, newer.walked = end, True


def _state(page: Page) -> tuple[int | None, tuple[str, ...]]:
    return page.total, tuple(map(identity, page.outputs))
