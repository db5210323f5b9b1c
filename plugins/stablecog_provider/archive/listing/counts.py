"""The source's counts: of any window if they honour dates, otherwise derived from the grand total."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ...model.coverage import Window
from ...model.output import Output, identity
from ...model.page import MAX_PER_PAGE, Page, PageQuery
from ...model.times import MICROSECOND
from ..ports import Source
from .capabilities import Capabilities, WalkKind
from .walk import walk


async def count_window(source: Source, window: Window) -> int | None:
    """Return the source's count of live outputs requested in the window, or None if the response has none.

    Only a source whose counts honour dates answers this; others return their grand total.
    """
    page = await source.page(PageQuery(per_page=1, start=window.start, end=window.end - MICROSECOND))
    return page.total


@dataclass(slots=True, kw_only=True)
class SourceCounts:
    """Counts on the requested axis. `claims`: sentences about them for the report."""

    source: Source
    capabilities: Capabilities
    per_page: int = MAX_PER_PAGE
    claims: list[str] = field(default_factory=list)
    _after: dict[datetime, tuple[tuple[int | None, list[str]], int]] = field(default_factory=dict)

    async def of(self, window: Window) -> int | None:
        """Return the number of live outputs in the window, or None if the source reports none.

        If counts do not honour dates, this is the number of all outputs before the window's end.
        """
        if self.capabilities.counts_by_date:
            return await count_window(self.source, window)
        return await self._before(window.end)

    async def _before(self, end: datetime) -> int | None:
        """Return the grand total minus what is listed from `end` on."""
        per_page = None if self.capabilities.walk is WalkKind.DOCUMENTED else MAX_PER_PAGE
        page = await self.source.page(PageQuery(per_page=per_page))
        if page.total is None:
            self.claims.append("The source reports no count: completeness cannot be proven.")
            return None
        return page.total - await self._listed_from(end, page)

    async def _listed_from(self, end: datetime, page: Page) -> int:
        """How many outputs are listed from `end` on. `page`: the newest one. While it and its total stay, so does this."""
        listed = {identity(row): row.created_at for row in page.readable}
        state = (page.total, [*listed])
        if end in self._after and self._after[end][0] == state:
            return self._after[end][1]
        oldest = min(listed.values(), default=end)
        if page.next is not None and oldest >= end:
            async for step in walk(self.source, Window(end, oldest + MICROSECOND), self.capabilities, self.per_page):
                listed.update((identity(row), row.created_at) for row in step.outputs if isinstance(row, Output))
        count = sum(at >= end for at in listed.values())
        self._after[end] = (state, count)
        return count
