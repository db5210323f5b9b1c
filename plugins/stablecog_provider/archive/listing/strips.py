"""Dense stretches, where the outputs in flight fill more than a page: they are proven from both sides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from random import Random

from ...model.coverage import Coverage, Window
from ...model.page import Page
from ...model.times import MICROSECOND
from ..ports import Source
from .pages import Position, Step, completions, page_after, page_before, reach_down, reach_up

FREE_CUTS, OUTPUTS_PER_CUT = 24, 150
"""How often a walk may cut dense strips in two: so many times, and once more per so many outputs that its pages showed. Without
a limit, one dense second could cost thousands of requests.
"""
MOST_CUTS = 64
"""Of one stretch: a count settles what is left sooner than more cuts do."""


@dataclass(frozen=True, slots=True)
class _Side:
    """What a page from one end of a strip has shown: how far it reaches, and when its outputs completed."""

    reach: Position
    completed: tuple[datetime, ...]

    @classmethod
    def up(cls, page: Page) -> _Side:
        return cls(reach_up(page), tuple(completions(page)))

    @classmethod
    def down(cls, page: Page) -> _Side:
        return cls(reach_down(page), tuple(completions(page)))


@dataclass(frozen=True, slots=True)
class _Strip:
    """Completions in `(low, high]`, with what the ascending page from `low` and the descending page from `high` have shown."""

    low: datetime
    high: datetime
    ascending: _Side
    descending: _Side

    @property
    def window(self) -> Coverage:
        return Coverage((Window(self.low + MICROSECOND, self.high + MICROSECOND),))

    @property
    def proven(self) -> bool:
        """Whether the reaches of the two pages leave no position of the strip between them. The reaches themselves count as
        between: a page may have cut off a tie there. What completed by `high` was requested by then.
        """
        up, down = self.ascending.reach, self.descending.reach
        first = up[0] if up[1] <= self.high else up[0] + MICROSECOND
        last = down[0] if down[1] > self.low else down[0] - MICROSECOND
        return down < up or first > min(last, self.high)

    def middle(self, random: Random | None) -> datetime | None:
        """Where to cut so that a page changes: a page can show another row only if the cut excludes one of its rows. None if
        no cut does; then no request can show what is between the two reaches.

        With `random` anywhere in the middle half: what no cut of one run has shown, one of a later run may show.
        """
        cuts = {completed for completed in self.ascending.completed if self.low < completed < self.high}
        cuts |= {at - MICROSECOND for at in self.descending.completed if at - MICROSECOND > self.low}
        if not cuts:
            return None
        at = len(cuts) // 2 if random is None else len(cuts) // 4 + random.randrange(-(-len(cuts) // 2))
        return sorted(cuts)[at]


async def dense(
    source: Source, low: datetime, high: datetime, per_page: int, cuts: int, known: Coverage, *, again: bool
) -> AsyncIterator[Step]:
    """Prove the completions in `(low, high]` from both sides: ascending pages show the earliest requests, descending ones the
    latest. If the two do not meet, cut the widest strip in two, at most `cuts` times in all. What they have not proven then is
    a hole: it is shown in part, all along the stretch, and a count can tell whether anything is missing. What is `known` needs
    no cut. `again`: an earlier run has cut here already, so cut elsewhere.
    """
    ascending, descending = (
        await page_after(source, low, per_page),
        await page_before(source, high + MICROSECOND, per_page),
    )
    yield Step((*ascending.outputs, *descending.outputs))
    as_of = min(ascending.source_time, descending.source_time)
    random = Random(as_of.timestamp()) if again else None  # noqa: S311 (no secret depends on it)
    strips, cuts = [_Strip(low, high, _Side.up(ascending), _Side.down(descending))], min(cuts, MOST_CUTS)
    while strips:
        strip = max(strips, key=lambda each: each.high - each.low)
        strips.remove(strip)
        if not strip.window.subtract(known):
            continue
        if strip.proven:
            yield Step((), strip.window, as_of=as_of)
        elif cuts <= 0 or (middle := strip.middle(random)) is None:
            yield Step((), holes=strip.window, as_of=as_of)
        else:
            cuts -= 1
            descending = await page_before(source, middle + MICROSECOND, per_page)
            ascending = await page_after(source, middle, per_page)
            as_of = min(as_of, descending.source_time, ascending.source_time)
            yield Step((*descending.outputs, *ascending.outputs))
            strips += [
                _Strip(middle, strip.high, _Side.up(ascending), strip.descending),
                _Strip(strip.low, middle, strip.ascending, _Side.down(descending)),
            ]
