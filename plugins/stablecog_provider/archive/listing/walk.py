"""The order-safe walk: read every output of a window from a listing whose own paging loses some.

The source sorts by (requested `g`, completed `o`) but filters a page by `o` alone. What a page *proves* is therefore a
quarter-plane: an ascending page with cursor `c` shows every output with `o > c` before its last row, a descending one every
output with `o < c` after its last row. A walk is done when its quarter-planes cover the whole window; each `Step` reports
how much is covered so far. Every walk relies on `g <= o`, and the descending walk on `o <= g + MAX_LATENCY`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ...errors import SourceUnavailable
from ...model.coverage import MAX_LATENCY, Axis, Coverage, Window
from ...model.output import Output, UnreadableOutput, instant_on
from ...model.page import MAX_PER_PAGE, Page
from ...model.times import BEGINNING, MICROSECOND
from ..ports import Source
from .capabilities import Capabilities, WalkKind
from .failing_pages import Pages, raise_if_down
from .opaque_walk import documented
from .pages import Step, completions, page_before, reach_down, reach_up, span
from .strips import FREE_CUTS, OUTPUTS_PER_CUT, dense

_LEAST_OVERLAP = timedelta(seconds=1)
_TRIES_PER_PAGE, _MOST_TRIES = 2, 12
"""Of a walk that searches for an overlap: from `MAX_LATENCY` down to none takes 11 requests, and one more for larger pages."""
NOTHING = Coverage()


def walk(
    source: Source,
    window: Window,
    capabilities: Capabilities,
    per_page: int = MAX_PER_PAGE,
    most: int = MAX_PER_PAGE,
    cuts: int = FREE_CUTS,
    known: Coverage = NOTHING,
    again: bool = False,
) -> AsyncIterator[Step]:
    """Read all outputs of `window` (on `capabilities.axis`) by the best walk that the source allows.

    `most`: the source's largest page, used if pages of `per_page` make no progress. `cuts`: how often dense strips may be cut,
    at two requests each, beyond what the length of the walk allows. `known`: stretches that need no proof, so that nothing is
    cut there. `again`: whether an earlier run may have cut dense strips of this window; the cuts are others then. Raises
    SourceContradiction if the source breaks the order that its capabilities promise, and what the source raises.
    """
    match capabilities.walk:
        case WalkKind.ASCENDING:
            steps = _ascending(source, window, per_page, most, cuts, known, again=again)
        case WalkKind.DESCENDING if capabilities.cursor is Axis.REQUESTED:
            steps = _descending_by_request(source, window, per_page, most)
        case WalkKind.DESCENDING:
            steps = _descending_by_completion(source, window, per_page, most)
        case _:
            steps = documented(source, window)
    return _within(steps, window, capabilities.axis)


async def _within(steps: AsyncIterator[Step], window: Window, axis: Axis) -> AsyncIterator[Step]:
    """Drop outputs outside of the window, which are not settled or not wanted, and claims about what came after a page."""

    def is_wanted(output: Output | UnreadableOutput) -> bool:
        instant = instant_on(axis, output)
        return instant is None or instant in window

    async for step in steps:
        outputs = tuple(output for output in step.outputs if is_wanted(output))
        settled = span(BEGINNING - MICROSECOND, step.as_of - axis.settling)
        yield replace(
            step, outputs=outputs, covered=step.covered.intersect(settled), holes=step.holes.intersect(settled)
        )


async def _ascending(
    source: Source, window: Window, per_page: int, most: int, free: int, known: Coverage, *, again: bool
) -> AsyncIterator[Step]:
    """Read upward. Every unread output has `o >= g >= g_last`, so the cursor `g_last - 1 µs` excludes none of them."""
    cursor, covered_to = window.start - MICROSECOND, window.start
    pages, shown, cuts = Pages(source, per_page), 0, 0
    while True:
        page = await pages.after(cursor)
        if page is None:
            try:
                cursor, page = await pages.beyond(cursor, window.end)
            except SourceUnavailable:
                # An output behind the window makes its last pages fail, too.
                cursor, page = window.end, await raise_if_down(source)
            yield Step((), holes=span(covered_to, cursor + MICROSECOND), as_of=page.source_time)
            covered_to = cursor + MICROSECOND
            if covered_to >= window.end:
                return
            continue
        last = reach_up(page)[0]
        shown += len(page.outputs)
        if last >= window.end:
            yield Step(page.outputs, span(covered_to, window.end), as_of=page.source_time)
            return
        yield Step(page.outputs, span(covered_to, last), as_of=page.source_time)
        covered_to = max(covered_to, last)
        fresh = sum(output.created_at > cursor for output in page.readable)
        if last - MICROSECOND > cursor and fresh * 3 >= len(page.outputs):
            cursor = last - MICROSECOND
            continue
        # Outputs in flight at the cursor fill the page: prove the stretch up to its last completion from both sides.
        end = min(max(completions(page)), window.end - MICROSECOND)
        if end <= cursor:
            # A source that keeps more digits than we do has a page full of them within the microsecond at the cursor.
            yield Step(page.outputs, holes=span(cursor, cursor + MICROSECOND), as_of=page.source_time)
            cursor, covered_to = cursor + MICROSECOND, max(covered_to, cursor + 2 * MICROSECOND)
            if covered_to >= window.end:
                return
            continue
        try:
            async for step in dense(
                source, cursor, end, most, free + shown // OUTPUTS_PER_CUT - cuts, known, again=again
            ):
                cuts += bool(step.outputs)
                yield step
        except SourceUnavailable:
            await raise_if_down(source)
            yield Step((), holes=span(covered_to, end + MICROSECOND), as_of=page.source_time)
        cursor, covered_to = end, end + MICROSECOND
        if covered_to >= window.end:
            return


async def _descending_by_request(source: Source, window: Window, per_page: int, most: int) -> AsyncIterator[Step]:
    """Read downward with `g` as the cursor. An overlap of one microsecond includes the outputs that a page boundary cut off."""
    cursor = window.end
    while cursor > window.start:
        page = await page_before(source, cursor, per_page, Axis.REQUESTED)
        last = reach_down(page)[0]
        if last + MICROSECOND >= cursor and per_page < most:
            page = await page_before(source, cursor, most, Axis.REQUESTED)
            last = reach_down(page)[0]
        if last < window.start:
            yield Step(page.outputs, span(window.start, cursor), as_of=page.source_time)
            return
        if last + MICROSECOND < cursor:
            yield Step(page.outputs, span(last + MICROSECOND, cursor), as_of=page.source_time)
            cursor = last + MICROSECOND
        else:
            # A single instant has as many outputs as fit on a page, or more.
            yield Step(page.outputs, holes=span(last, cursor), as_of=page.source_time)
            cursor = last


async def _descending_by_completion(source: Source, window: Window, per_page: int, most: int) -> AsyncIterator[Step]:
    """Read downward with `o` as the cursor, for sources without `order=asc`. What was requested before `known` completes before
    `known + MAX_LATENCY`: a page from there omits none of it, but starts with known outputs.
    """
    known, overlap = window.end, _Overlap(per_page, most)
    while known > window.start:
        page, width = await overlap.page_below(source, known)
        last = reach_down(page)[0]
        below = last + MICROSECOND < known
        bottom = max(window.start, last + MICROSECOND if below else known - MICROSECOND)
        # With a smaller overlap, outputs requested shortly before `known` and completed after the cursor stay unseen.
        shown_to = max(bottom, min(known, known + width - MAX_LATENCY)) if below else bottom
        yield Step(page.outputs, span(bottom, shown_to), span(shown_to, known), page.source_time)
        known = bottom


@dataclass(slots=True)
class _Overlap:
    """How far a page reaches above what is known. If more outputs complete within `MAX_LATENCY` than fit on a page, a page with
    that overlap shows known outputs only. Each page begins with the width that suits the density of the one before.

    `tries`: requests that may still be spent on a wide overlap. A walk of n pages makes at most `_MOST_TRIES + 2 n` requests.
    """

    per_page: int
    most: int
    width: timedelta = MAX_LATENCY
    tries: int = _MOST_TRIES

    async def page_below(self, source: Source, known: datetime) -> tuple[Page, timedelta]:
        """Return a page of which at least a quarter is new, and its overlap: if need be, none."""
        self.tries = min(self.tries + _TRIES_PER_PAGE, _MOST_TRIES)
        width = self.width
        while True:
            page = await page_before(source, known + width, self.per_page)
            self.tries -= 1
            fresh = sum(row.created_at < known for row in page.readable)
            if not width or page.next is None or fresh * 4 >= len(page.outputs):
                self.width = _next_width(width, len(page.outputs), len(page.readable) - fresh)
                return page, width
            if self.per_page < self.most and self.tries > 1:
                self.per_page = self.most
                continue
            width = width // 2 if width > _LEAST_OVERLAP and self.tries > 1 else timedelta(0)


def _next_width(width: timedelta, shown: int, known: int) -> timedelta:
    """Return the overlap that would have filled half of the page with known outputs. It grows at most eightfold: what so few
    outputs say of the density is rough.
    """
    if not width:
        return _LEAST_OVERLAP / 2
    return min(MAX_LATENCY, width * min(8.0, max(1.0, shown / (2 * max(1, known)))))
