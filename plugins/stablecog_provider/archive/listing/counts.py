"""What the source counts: in any window where its counts honour dates, else by its grand total."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ...model.coverage import Window
from ...model.output import Output, identity
from ...model.page import MAX_PER_PAGE, PageQuery
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
    """Counts on the requested axis. `claims`: what is to be said of them."""

    source: Source
    capabilities: Capabilities
    per_page: int = MAX_PER_PAGE
    claims: list[str] = field(default_factory=list)

    async def of(self, window: Window) -> int | None:
        """Live outputs in the window; where counts do not honour dates, all before its end. None where none is told."""
        if self.capabilities.counts_by_date:
            return await count_window(self.source, window)
        return await self._before(window.end)

    async def _before(self, end: datetime) -> int | None:
        """The grand total, less what is listed from `end` on."""
        per_page = None if self.capabilities.walk is WalkKind.DOCUMENTED else MAX_PER_PAGE
        page = await self.source.page(PageQuery(per_page=per_page))
        if page.total is None:
            self.claims.append("The source tells no count: completeness cannot be proven.")
            return None
        listed = {identity(row): row.created_at for row in page.readable}
        oldest = min(listed.values(), default=end)
        if page.next is not None and oldest >= end:
            async for step in walk(self.source, Window(end, oldest + MICROSECOND), self.capabilities, self.per_page):
                listed.update((identity(row), row.created_at) for row in step.outputs if isinstance(row, Output))
        return page.total - sum(at >= end for at in listed.values())
