"""Looks up what the source lists around given instants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from ...errors import SourceUnavailable
from ...model.coverage import Window
from ...model.output import Output, UnreadableOutput
from ...model.page import MAX_PER_PAGE, Order, Page, PageQuery
from ...model.times import MICROSECOND
from ..ports import Source
from .capabilities import Capabilities
from .failing_pages import SMALLER, raise_if_down
from .opaque_walk import documented


async def listed_at(
    instants: list[datetime], capabilities: Capabilities, source: Source
) -> AsyncIterator[tuple[Output | UnreadableOutput, ...]]:
    """Iterate over what is listed below the latest of the instants (on the cursor's axis), then from the earliest on."""
    if capabilities.cursor is not None:
        yield (await largest_page(source, max(instants) + MICROSECOND)).outputs
        if capabilities.ascending:
            # Of a dense account that is archived in part, the newest may have taken so long that the page below it holds
            # only what was requested after it; what was requested first was archived first.
            rising = PageQuery(cursor=min(instants) - MICROSECOND, order=Order.ASCENDING, per_page=MAX_PER_PAGE)
            yield (await source.page(rising)).outputs
        return
    # An opaque cursor leads there only from the top; what is passed on the way is evidence, too.
    async for step in documented(source, Window(max(instants), max(instants) + MICROSECOND)):
        if step.outputs:
            yield step.outputs


async def largest_page(source: Source, cursor: datetime | None = None) -> Page:
    """Return what is listed below the cursor, or at the top: as much as a page can show, or less if one output makes larger pages
    fail. Raises SourceUnavailable if that output is the first, or if the source is down.
    """
    per_page = MAX_PER_PAGE
    while True:
        try:
            return await source.page(PageQuery(cursor=cursor, per_page=per_page))
        except SourceUnavailable:
            if per_page == 1:
                raise
        if per_page == MAX_PER_PAGE:
            await raise_if_down(source)
        per_page = max(1, per_page // SMALLER)
