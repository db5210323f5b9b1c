"""Pages of the listing, checked to keep the order that the walk relies on, and what each of them proves."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from ...errors import SourceContradiction
from ...model.coverage import MAX_LATENCY, Axis, Coverage, Window
from ...model.output import Output, UnreadableOutput, instant_on
from ...model.page import Order, Page, PageQuery
from ...model.times import BEGINNING, FAR_FUTURE, MICROSECOND
from ..ports import Source


@dataclass(frozen=True, slots=True)
class Step:
    """What one page added.

    `outputs` may repeat outputs of earlier steps. `covered` is true once the outputs
    of this and all earlier steps are archived. `holes`: stretches that the listing cannot show. `as_of`: the source's clock
    when it answered; a page proves nothing about what came later. `lines`: outputs on the page, if a walk
    passes many that lie outside of its window.
    """

    outputs: tuple[Output | UnreadableOutput, ...]
    covered: Coverage = Coverage()
    holes: Coverage = Coverage()
    as_of: datetime = FAR_FUTURE
    lines: int = 0


Position = tuple[datetime, datetime]
"""The source's sort key: (`g`, `o`)."""

# Below any window: a page that reaches it has shown the window's first instant too.
LOWEST: Position = (BEGINNING - MICROSECOND, BEGINNING - MICROSECOND)
HIGHEST: Position = (FAR_FUTURE, FAR_FUTURE)


async def within(steps: AsyncIterable[Step], covered: Coverage, axis: Axis) -> AsyncIterator[Step]:
    """The steps' outputs that are covered, and claims of none: what is read again may reach beyond the bounds of the archive."""
    async for step in steps:
        outputs = tuple(each for each in step.outputs if (at := instant_on(axis, each)) is None or at in covered)
        yield Step(outputs, lines=step.lines or len(step.outputs))


def span(start: datetime, end: datetime) -> Coverage:
    """The window as a coverage, which may be empty."""
    return Coverage((Window(start, end),)) if start < end else Coverage()


async def page_after(source: Source, cursor: datetime, per_page: int) -> Page:
    """Read a page of what completed after the cursor. Raises SourceContradiction if it is not one."""
    page = await source.page(PageQuery(cursor=cursor, order=Order.ASCENDING, per_page=per_page))
    rows = page.readable
    # The source may know more digits than we keep: what completed just after the cursor may look as if at it.
    if any(instant < cursor for instant in completions(page)):
        raise contradiction("a page with `order=asc` has outputs that completed before its cursor")
    if page.outputs and not completions(page):
        raise contradiction("a page with `order=asc` has no output with a completion time")
    if any(before.created_at > after.created_at for before, after in pairwise(rows)):
        raise contradiction("a page with `order=asc` does not ascend")
    return page


async def page_before(source: Source, cursor: datetime, per_page: int, axis: Axis = Axis.COMPLETED) -> Page:
    """Read a page of what completed (or was requested) before the cursor. Raises SourceContradiction if it is not one."""
    page = await source.page(PageQuery(cursor=cursor, per_page=per_page))
    rows = page.readable
    for row in rows:
        # Without a completion time, the time of the request is used, which is earlier. Without this check, a source that
        # ignores the cursor would be asked for ever, a microsecond earlier each time.
        if (instant_on(axis, row) or row.created_at) >= cursor:
            raise contradiction("a page has outputs at or after its cursor")
    if any(before.created_at < after.created_at for before, after in pairwise(rows)):
        raise contradiction("a page does not descend")
    return page


def reach_up(page: Page) -> Position:
    """Return the position below which an ascending page shows everything. Outputs at the position may have been cut off."""
    if page.next is None:
        return HIGHEST
    for output in reversed(page.outputs):
        if output.created_at is not None:
            return output.created_at, output.output_created_at or output.created_at
    raise contradiction("a page has no readable output")


def reach_down(page: Page) -> Position:
    """Return the position above which a descending page shows everything. Outputs at the position may have been cut off."""
    if page.next is None:
        return LOWEST
    for output in reversed(page.outputs):
        if output.created_at is not None:
            return output.created_at, output.output_created_at or output.created_at + MAX_LATENCY
    raise contradiction("a page has no readable output")


def completions(page: Page) -> list[datetime]:
    return [output.output_created_at for output in page.outputs if output.output_created_at is not None]


def contradiction(what: str) -> SourceContradiction:
    return SourceContradiction(
        f"the source's listing breaks its own order: {what}",
        hint="nothing was claimed for that period; run again, and report it to the source if it happens again",
    )
