"""A check on walks: what the source listed at the run's beginning, its walk must show, unless it was deleted since."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from ...errors import SourceUnavailable
from ...model.coverage import MAX_LATENCY
from ...model.output import Output, identity, instant_on
from ...model.page import MAX_PER_PAGE, PageQuery
from ...model.times import MICROSECOND
from ..ports import Source
from .capabilities import Probe
from .pages import Position, Step, reach_down

MOST_LOOKS = 8
"""Pages that may settle what a step lacks. The probe saw little more than a page, so that mostly one is enough."""


async def verified(steps: AsyncIterator[Step], source: Source, asked: Probe) -> AsyncIterator[Step]:
    """The steps, as long as none claims a stretch without having shown what the probe has seen there.

    An outdated server behind the same address answers with an old page, or an empty one, that would claim everything. Raises
    SourceUnavailable.
    """
    axis = asked.capabilities.axis
    expected = {identity(output): output for output in asked.seen}
    async for step in steps:
        for shown in step.outputs:
            expected.pop(identity(shown), None)
        missing = {
            output_id: output
            for output_id, output in expected.items()
            if output_id not in asked.deleted and (at := instant_on(axis, output)) is not None and at in step.covered
        }
        if missing:
            asked.deleted.update(await _deleted(source, asked, missing))
        for output_id in missing:
            if output_id not in asked.deleted:
                raise SourceUnavailable(
                    f"the listing lacks output {output_id}, which it showed a moment ago: an outdated server answered",
                    hint="run again; nothing was claimed for that period",
                )
        yield step


async def _deleted(source: Source, asked: Probe, missing: Mapping[str, Output]) -> set[str]:
    """Return the ids of all outputs seen by the probe that the source, asked once more, does not list. Ends early if one of
    `missing` is still listed, or if a page settles nothing.
    """
    axis, deleted = asked.capabilities.cursor, set[str]()
    if axis is None:
        return await _gone_from_the_top(source, asked)
    # Without output times, a cursor by completion that excludes none of them.
    dated = {
        identity(output): (instant_on(axis, output) or output.created_at + MAX_LATENCY, output) for output in asked.seen
    }
    left = {output_id: dated[output_id] for output_id in missing}
    for number in range(MOST_LOOKS):
        if not left:
            break
        # The first page begins above all that the probe saw there: it shows neighbours even if nothing is left below.
        newest = max(left, key=lambda each: _position(left[each][1]))
        cursor = _top(asked, newest, dated) if number == 0 else left[newest][0]
        page = await source.page(PageQuery(cursor=cursor + MICROSECOND, per_page=MAX_PER_PAGE))
        listed = {identity(shown) for shown in page.outputs}
        if not left.keys().isdisjoint(listed):
            break
        # Without any output, the page may be an outdated server's.
        reach = reach_down(page) if page.readable else None
        settled = {
            output_id
            for output_id, (at, output) in dated.items()
            if reach is not None and at <= cursor and _position(output) > reach
        }
        if number and settled.isdisjoint(left):
            break
        deleted |= settled - listed
        left = {output_id: each for output_id, each in left.items() if output_id not in settled}
    return deleted


async def _gone_from_the_top(source: Source, asked: Probe) -> set[str]:
    """As `_deleted`, if no cursor leads to an old place: all that the probe saw was on the first page."""
    page = await source.page(PageQuery())
    if not page.readable:
        # It may be an outdated server's.
        return set()
    reach, listed = reach_down(page), {identity(output) for output in page.outputs}
    return {identity(output) for output in asked.seen if _position(output) > reach} - listed


def _top(asked: Probe, output_id: str, dated: Mapping[str, tuple[datetime, Output]]) -> datetime:
    """Return the latest instant on the page of the probe that showed the output."""
    pages = [asked.page, *([asked.ascending.page] if asked.ascending else [])]
    shown = ({identity(output) for output in page.outputs} for page in reversed(pages))
    neighbours = next(each for each in shown if output_id in each)
    return max(at for each, (at, _) in dated.items() if each in neighbours)


def _position(output: Output) -> Position:
    return output.created_at, output.output_created_at or output.created_at
