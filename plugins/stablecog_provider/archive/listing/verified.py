"""A check on walks: what the source listed a moment ago, its walk must show."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from ...errors import SourceUnavailable
from ...model.coverage import Axis
from ...model.output import Output, identity, instant_on
from .pages import Step


async def verified(steps: AsyncIterator[Step], seen: Iterable[Output], axis: Axis) -> AsyncIterator[Step]:
    """The steps, as long as none claims a stretch of `axis` without having shown what was `seen` there before.

    An outdated server behind the same address answers with an old page, or an empty one, that would claim everything. Raises
    SourceUnavailable.
    """
    expected = {identity(output): instant_on(axis, output) for output in seen}
    async for step in steps:
        for output in step.outputs:
            expected.pop(identity(output), None)
        for output_id, at in expected.items():
            if at is not None and at in step.covered:
                raise SourceUnavailable(
                    f"the listing lacks output {output_id}, which it showed a moment ago: an outdated server answered",
                    hint="run again; nothing was claimed for that stretch",
                )
        yield step
