"""A check on walks: what the source listed at the run's beginning, its walk must show, unless it was deleted since."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ...errors import SourceUnavailable
from ...model.output import Output, identity, instant_on
from ...model.page import MAX_PER_PAGE, PageQuery
from ...model.times import MICROSECOND
from ..ports import Source
from .capabilities import Capabilities, Probe
from .pages import Step, reach_down


async def verified(steps: AsyncIterator[Step], source: Source, asked: Probe) -> AsyncIterator[Step]:
    """The steps, as long as none claims a stretch without having shown what the probe has seen there.

    An outdated server behind the same address answers with an old page, or an empty one, that would claim everything. Raises
    SourceUnavailable.
    """
    capabilities = asked.capabilities
    expected = {identity(output): output for output in asked.seen}
    async for step in steps:
        for shown in step.outputs:
            expected.pop(identity(shown), None)
        for output_id, output in list(expected.items()):
            at = instant_on(capabilities.axis, output)
            if at is None or at not in step.covered:
                continue
            if not await _was_deleted(source, output, capabilities):
                raise SourceUnavailable(
                    f"the listing lacks output {output_id}, which it showed a moment ago: an outdated server answered",
                    hint="run again; nothing was claimed for that period",
                )
            del expected[output_id]
        yield step


async def _was_deleted(source: Source, output: Output, capabilities: Capabilities) -> bool:
    """Whether the source, asked once more, shows what lies around the output, and not the output."""
    at = instant_on(capabilities.cursor, output) if capabilities.cursor else None
    if at is None:
        return False
    page = await source.page(PageQuery(cursor=at + MICROSECOND, per_page=MAX_PER_PAGE))
    if not page.readable or identity(output) in {identity(shown) for shown in page.outputs}:
        return False
    return (output.created_at, output.output_created_at or output.created_at) > reach_down(page)
