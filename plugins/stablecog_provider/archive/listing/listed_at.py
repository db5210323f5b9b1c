"""Looks up what the source lists around given instants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from ...model.coverage import Window
from ...model.output import Output, UnreadableOutput
from ...model.page import MAX_PER_PAGE, Order, PageQuery
from ...model.times import MICROSECOND
from ..ports import Source
from .capabilities import Capabilities
from .opaque_walk import documented


async def listed_at(
    instants: list[datetime], capabilities: Capabilities, source: Source
) -> AsyncIterator[tuple[Output | UnreadableOutput, ...]]:
    """Iterate over what is listed below the latest of the instants (on the cursor's axis), then from the earliest on."""
    if capabilities.cursor is not None:
        yield (await source.page(PageQuery(cursor=max(instants) + MICROSECOND, per_page=MAX_PER_PAGE))).outputs
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
