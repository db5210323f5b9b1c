"""Whether the source still counts what its listing did not show.

A listing can miss a live output: it completed long after its place, or the server that answered is behind. Two equal numbers are
no proof either, since they may be of different outputs. So the stretches between two listed outputs are counted alone: nothing
but what was not listed can be in them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from ...model.coverage import Window
from ...model.times import MICROSECOND
from ..listing.budget import RequestBudget
from ..listing.counts import SourceCounts

MAX_STRETCHES = 8
"""Stretches that are counted at first, at a request each; fewer if the run may ask little. Of more, neighbours go together."""

_Stretch = list[datetime]
"""Instants at which outputs were not listed, rising, without a listed output between two of them."""


@dataclass(slots=True, kw_only=True)
class Absence:
    """What was not listed. `missing`: ids, with the time of request. `listed`: the times of request of what was listed. `slow`:
    those of `missing` that a listing of their place may not show though they are live. `gone`: ids that the source does not
    count any more. `counted`: ids that it does count. What is in neither is not known.
    """

    missing: Mapping[str, datetime]
    listed: Iterable[datetime]
    slow: Collection[str] = ()
    gone: set[str] = field(default_factory=set)
    counted: set[str] = field(default_factory=set)
    _listed: list[datetime] = field(init=False)
    _ids: dict[datetime, set[str]] = field(init=False)

    def __post_init__(self) -> None:
        self._listed, self._ids = sorted(self.listed), {}
        for output_id, at in self.missing.items():
            self._ids.setdefault(at, set()).add(output_id)

    async def examine(self, counts: SourceCounts, budget: RequestBudget) -> None:
        """Count stretch by stretch, and halve those whose count fits neither; at least one request, if anything is missing."""
        stretches = [list(stretch) for _, stretch in groupby(sorted(self._ids), self._position)]
        size = -(-len(stretches) // max(1, min(MAX_STRETCHES, budget.left // 4)))
        queue, is_first = self._groups(stretches, max(1, size)), True
        while queue and (is_first or budget.left):
            group, is_first = queue.pop(), False
            # A source that keeps more digits than we do has the last one within the microsecond after it.
            window = Window(group[0][0], group[-1][-1] + 2 * MICROSECOND)
            self._judge(group, window, await counts.of(window))
            if not self._is_known(group) and budget.left > len(queue) + 1:
                queue += _halves(group)

    def _groups(self, stretches: list[_Stretch], size: int) -> list[list[_Stretch]]:
        """So many neighbours together; those with slow outputs alone, and last: a listed output between two stretches may be
        deleted before they are counted, and a slow one that is live must not make up for it.
        """
        groups, alone = list[list[_Stretch]](), list[list[_Stretch]]()
        for is_slow, run in groupby(stretches, self._has_slow):
            neighbours = list(run)
            if is_slow:
                alone += [[stretch] for stretch in neighbours]
            else:
                groups += [neighbours[start : start + size] for start in range(0, len(neighbours), size)]
        return [*alone, *groups]

    def _has_slow(self, stretch: _Stretch) -> bool:
        return any(not self._ids[at].isdisjoint(self.slow) for at in stretch)

    def _judge(self, group: list[_Stretch], window: Window, count: int | None) -> None:
        ids = {output_id for stretch in group for at in stretch for output_id in self._ids[at]}
        listed = bisect_left(self._listed, window.end) - bisect_left(self._listed, window.start)
        if count == listed:
            self.gone |= ids
        elif count == listed + len(ids):
            self.counted |= ids

    def _is_known(self, group: list[_Stretch]) -> bool:
        return self._ids[group[0][0]] <= self.gone | self.counted

    def _position(self, at: datetime) -> tuple[int, int]:
        """Between which listed outputs the instant lies; an instant that has a listed output is a stretch of its own."""
        return bisect_left(self._listed, at), bisect_right(self._listed, at)


def _halves(group: list[_Stretch]) -> list[list[_Stretch]]:
    """Both halves of several stretches, or of the only one; nothing if it is a single instant."""
    if len(group) > 1:
        middle = len(group) // 2
        return [group[:middle], group[middle:]]
    (stretch,) = group
    middle = len(stretch) // 2
    return [[stretch[:middle]], [stretch[middle:]]] if middle else []
