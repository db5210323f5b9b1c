"""The order-safe walk: read every output of a window from a listing whose own paging loses some.

The source sorts by (requested `g`, completed `o`) and cuts a page by `o` alone. What a page *proves* is therefore a
quarter-plane: a rising page asked with cursor `c` shows every output with `o > c` before its last row, a falling one every
output with `o < c` after its last row. A walk is done when the quarter-planes it has asked for leave nothing of its window
uncovered; each `Step` says how much is covered so far. All rests on `g <= o`, and the falling walk on `o <= g + MAX_LATENCY`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from ...errors import SourceContradiction
from ...model.coverage import MAX_LATENCY, Axis, Coverage, Window
from ...model.output import Output, UnreadableOutput, instant_on
from ...model.page import MAX_PER_PAGE, Order, Page, PageQuery
from ...model.times import BEGINNING, FAR_FUTURE, MICROSECOND
from ..ports import Source
from .capabilities import Capabilities, WalkKind


@dataclass(frozen=True, slots=True)
class Step:
    """What one page added. `outputs` may repeat outputs of earlier steps, and hold some from before the window. `covered`
    holds once the outputs of this and all earlier steps are archived. `holes`: stretches that the listing cannot show.
    """

    outputs: tuple[Output | UnreadableOutput, ...]
    covered: Coverage = Coverage()
    holes: Coverage = Coverage()


Position = tuple[datetime, datetime]
"""The source's sort key: (`g`, `o`)."""

_LEAST_OVERLAP = timedelta(seconds=1)
_WITHOUT_PROGRESS = 10_000
"""Outputs: new tokens that lead to the same ones over and over would otherwise be followed for ever."""
# Below any window: the page that says so has shown the window's first instant too.
_LOWEST: Position = (BEGINNING - MICROSECOND, BEGINNING - MICROSECOND)
_HIGHEST: Position = (FAR_FUTURE, FAR_FUTURE)


def walk(
    source: Source, window: Window, capabilities: Capabilities, per_page: int = MAX_PER_PAGE, most: int = MAX_PER_PAGE
) -> AsyncIterator[Step]:
    """Read all outputs of `window` (on `capabilities.axis`), by the best walk that the source allows. `most`: the largest page
    that the source gives, asked for where `per_page` is too small to get on.

    Raises SourceContradiction where the source breaks the order it was seen to keep, and whatever the source raises.
    """
    match capabilities.walk:
        case WalkKind.ASCENDING:
            steps = _ascending(source, window, per_page, most)
        case WalkKind.DESCENDING if capabilities.cursor is Axis.REQUESTED:
            steps = _descending_by_request(source, window, per_page, most)
        case WalkKind.DESCENDING:
            steps = _descending_by_completion(source, window, per_page, most)
        case _:
            steps = _documented(source, window)
    return _until(steps, window.end, capabilities.axis)


async def _until(steps: AsyncIterator[Step], end: datetime, axis: Axis) -> AsyncIterator[Step]:
    """Without what lies beyond the window: it has not settled, or was not asked for."""

    def is_before(output: Output | UnreadableOutput) -> bool:
        instant = instant_on(axis, output)
        return instant is None or instant < end

    async for step in steps:
        yield replace(step, outputs=tuple(output for output in step.outputs if is_before(output)))


def _span(start: datetime, end: datetime) -> Coverage:
    return Coverage((Window(start, end),)) if start < end else Coverage()


async def _ascending(source: Source, window: Window, per_page: int, most: int) -> AsyncIterator[Step]:
    """Every output not read yet has `o >= g >= g_last`, so the cursor `g_last - 1 µs` excludes none of them."""
    cursor, covered_to = window.start - MICROSECOND, window.start
    while True:
        page = await _rising(source, cursor, per_page)
        last = _reach_up(page)[0]
        if last >= window.end:
            yield Step(page.outputs, _span(covered_to, window.end))
            return
        yield Step(page.outputs, _span(covered_to, last))
        covered_to = max(covered_to, last)
        fresh = sum(output.created_at > cursor for output in page.readable)
        if last - MICROSECOND > cursor and fresh * 3 >= len(page.outputs):
            cursor = last - MICROSECOND
            continue
        # What is in flight at the cursor fills the page: prove the stretch up to the last completion on it from both sides.
        end = min(max(_completions(page)), window.end - MICROSECOND)
        async for step in _dense(source, cursor, end, most):
            yield step
        cursor, covered_to = end, end + MICROSECOND
        if covered_to >= window.end:
            return


@dataclass(frozen=True, slots=True)
class _Strip:
    """Completions in `(low, high]`, with the rising page asked at `low` and the falling one asked from `high` down."""

    low: datetime
    high: datetime
    rising: Page
    falling: Page

    @property
    def window(self) -> Coverage:
        return Coverage((Window(self.low + MICROSECOND, self.high + MICROSECOND),))

    @property
    def proven(self) -> bool:
        """Whether no position of the strip lies from the one reach to the other (both included: at a position itself a page
        may have cut off a tie). What completed by `high` was requested by then.
        """
        up, down = _reach_up(self.rising), _reach_down(self.falling)
        first = up[0] if up[1] <= self.high else up[0] + MICROSECOND
        last = down[0] if down[1] > self.low else down[0] - MICROSECOND
        return down < up or first > min(last, self.high)

    @property
    def middle(self) -> datetime | None:
        """Where to cut so that a page changes: only by leaving out one of its rows can a page show another. None where no
        cut does, so that no request can show what lies between the two reaches.
        """
        cuts = {completed for completed in _completions(self.rising) if self.low < completed < self.high}
        cuts |= {
            completed - MICROSECOND for completed in _completions(self.falling) if completed - MICROSECOND > self.low
        }
        return sorted(cuts)[len(cuts) // 2] if cuts else None


async def _dense(source: Source, low: datetime, high: datetime, per_page: int) -> AsyncIterator[Step]:
    """Prove the completions in `(low, high]` from both sides: rising pages show the earliest requests, falling ones the
    latest. Where the two do not meet, cut the strip in two. Goes upward in time; what cannot be shown is a hole.
    """
    rising, falling = await _rising(source, low, per_page), await _falling(source, high + MICROSECOND, per_page)
    yield Step((*rising.outputs, *falling.outputs))
    strips = [_Strip(low, high, rising, falling)]
    while strips:
        strip = strips.pop()
        if strip.proven:
            yield Step((), strip.window)
        elif (middle := strip.middle) is None:
            yield Step((), holes=strip.window)
        else:
            falling = await _falling(source, middle + MICROSECOND, per_page)
            rising = await _rising(source, middle, per_page)
            yield Step((*falling.outputs, *rising.outputs))
            strips += [
                _Strip(middle, strip.high, rising, strip.falling),
                _Strip(strip.low, middle, strip.rising, falling),
            ]


async def _descending_by_request(source: Source, window: Window, per_page: int, most: int) -> AsyncIterator[Step]:
    """The cursor is `g` itself: an overlap of one microsecond brings back the outputs that a page boundary cut off."""
    cursor = window.end
    while cursor > window.start:
        page = await _falling(source, cursor, per_page, Axis.REQUESTED)
        last = _reach_down(page)[0]
        if last + MICROSECOND >= cursor and per_page < most:
            page = await _falling(source, cursor, most, Axis.REQUESTED)
            last = _reach_down(page)[0]
        if last < window.start:
            yield Step(page.outputs, _span(window.start, cursor))
            return
        if last + MICROSECOND < cursor:
            yield Step(page.outputs, _span(last + MICROSECOND, cursor))
            cursor = last + MICROSECOND
        else:
            # One instant holds as many outputs as fit on a page, or more.
            yield Step(page.outputs, holes=_span(last, cursor))
            cursor = last


async def _descending_by_completion(source: Source, window: Window, per_page: int, most: int) -> AsyncIterator[Step]:
    """The cursor is `o`, and `order=asc` is not to be had. What was requested before `known` completes before
    `known + MAX_LATENCY`: a page asked there leaves out none of it, but begins with known outputs.
    """
    known = window.end
    while known > window.start:
        page, overlap = await _widest_below(source, known, per_page, most)
        last = _reach_down(page)[0]
        below = last + MICROSECOND < known
        bottom = max(window.start, last + MICROSECOND if below else known - MICROSECOND)
        # With a smaller overlap, what was requested late before `known` and completed after the cursor stays unseen.
        shown_to = max(bottom, min(known, known + overlap - MAX_LATENCY)) if below else bottom
        yield Step(page.outputs, _span(bottom, shown_to), _span(shown_to, known))
        known = bottom


async def _widest_below(source: Source, known: datetime, per_page: int, most: int) -> tuple[Page, timedelta]:
    """The page with the largest overlap (`MAX_LATENCY` halved until it does) that is at least a quarter new: where more
    completes within the overlap than fits on a page, a wide one would show only what is known.
    """
    overlap = MAX_LATENCY
    while True:
        page = await _falling(source, known + overlap, per_page)
        fresh = sum(row.created_at < known for row in page.readable)
        if not overlap or page.next is None or fresh * 4 >= len(page.outputs):
            return page, overlap
        if per_page < most:
            per_page = most
            continue
        overlap = overlap // 2 if overlap > _LEAST_OVERLAP else timedelta(0)


async def _documented(source: Source, window: Window) -> AsyncIterator[Step]:
    """Follow `next` as the page teaches. Nothing proves that a page boundary lost nothing: only the total can tell."""
    asked: set[str] = set()
    lowest, without_progress = FAR_FUTURE, 0
    page = await source.page(PageQuery())
    while page.next is not None and not any(output.created_at < window.start for output in page.readable):
        if page.next in asked or not page.outputs:
            raise _contradiction(f"`next` leads nowhere new after {len(asked) + 1} pages")
        asked.add(page.next)
        reached = min((output.created_at for output in page.outputs if output.created_at), default=lowest)
        without_progress = 0 if reached < lowest else without_progress + len(page.outputs)
        if without_progress > _WITHOUT_PROGRESS:
            raise _contradiction(f"`next` has led to {without_progress} outputs, and none of them reaches further back")
        lowest = min(lowest, reached)
        yield Step(page.outputs)
        page = await source.page(PageQuery(cursor=page.next))
    yield Step(page.outputs, Coverage((window,)))


async def _rising(source: Source, cursor: datetime, per_page: int) -> Page:
    """A page of what completed after the cursor, checked to be one."""
    page = await source.page(PageQuery(cursor=cursor, order=Order.ASCENDING, per_page=per_page))
    rows = page.readable
    if any(instant <= cursor for instant in _completions(page)):
        raise _contradiction("a page with `order=asc` holds outputs that completed at or before its cursor")
    if page.outputs and not _completions(page):
        raise _contradiction("a page with `order=asc` does not tell of any output when it completed")
    if any(before.created_at > after.created_at for before, after in pairwise(rows)):
        raise _contradiction("a page with `order=asc` does not rise")
    return page


async def _falling(source: Source, cursor: datetime, per_page: int, axis: Axis = Axis.COMPLETED) -> Page:
    """A page of what completed (or was requested) before the cursor, checked to be one."""
    page = await source.page(PageQuery(cursor=cursor, per_page=per_page))
    rows = page.readable
    for row in rows:
        instant = instant_on(axis, row)
        if instant is not None and instant >= cursor:
            raise _contradiction("a page holds outputs from its cursor on")
    if any(before.created_at < after.created_at for before, after in pairwise(rows)):
        raise _contradiction("a page does not fall")
    return page


def _reach_up(page: Page) -> Position:
    """The position below which a rising page shows everything. Outputs that share the position may have been cut off."""
    if page.next is None:
        return _HIGHEST
    for output in reversed(page.outputs):
        if output.created_at is not None:
            return output.created_at, output.output_created_at or output.created_at
    raise _contradiction("a page holds no output that can be read")


def _reach_down(page: Page) -> Position:
    """The position above which a falling page shows everything."""
    if page.next is None:
        return _LOWEST
    for output in reversed(page.outputs):
        if output.created_at is not None:
            return output.created_at, output.output_created_at or output.created_at + MAX_LATENCY
    raise _contradiction("a page holds no output that can be read")


def _completions(page: Page) -> list[datetime]:
    return [output.output_created_at for output in page.outputs if output.output_created_at is not None]


def _contradiction(what: str) -> SourceContradiction:
    return SourceContradiction(
        f"the source's listing breaks its own order: {what}",
        hint="nothing was claimed for that stretch; run again, and report it to the source if it stays",
    )
