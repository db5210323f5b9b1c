"""Places where the counts differ: found by the source's own counts, read again, and repaired."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ...model.counts import CountComparison, Difference
from ...model.coverage import Window
from ...model.object_keys import day_of
from ...model.page import MAX_PER_PAGE
from ...model.times import MICROSECOND
from ..committing.inventory import day_window
from ..ports import Clock
from .rereading import Rereading

DAY = timedelta(days=1)
MOST_DAYS = 31
"""A place that is read at once holds at most a page of outputs, on at most that many days: each is a partition to load."""
NARROWEST = timedelta(milliseconds=1)


@dataclass(slots=True, kw_only=True)
class Places:
    """One run's dealings with places that differ, on the requested axis. `rereading` compares, reads again and repairs them.
    `explained`: outputs without a readable date that have explained a difference.
    """

    rereading: Rereading
    clock: Clock
    explained: set[str] = field(default_factory=set)

    async def expected(self, window: Window, known: Iterable[Difference]) -> int:
        """What the source should count if nothing new has happened: the manifest's count, and the differences in it."""
        inside = sum(each.surplus for each in known if window.start <= each.start and each.end <= window.end)
        return max(0, await self.rereading.held(window) + inside)

    async def locate(self, window: Window, source: int, known: tuple[Difference, ...] = ()) -> list[CountComparison]:
        """The places inside, halved down to what a page can show, or as far as half of the budget reaches. Rising."""
        queue = [CountComparison(window, source, await self.expected(window, known))]
        found: list[CountComparison] = []
        while queue:
            place = queue.pop()
            if place.agrees:
                continue
            middle = (
                None if self.is_small(place) or not self.rereading.budget.ample else self.middle(place.window, known)
            )
            if middle is None or not self.rereading.capabilities.counts_by_date:
                found.append(place)
                continue
            left, right = Window(place.window.start, middle), Window(middle, place.window.end)
            in_left, expected = await self.rereading.counts.of(left), await self.expected(left, known)
            if in_left is None:
                found.append(place)
                continue
            queue += [
                CountComparison(right, max(0, place.source - in_left), max(0, place.manifest - expected)),
                CountComparison(left, in_left, expected),
            ]
        return await self._joined(found)

    def is_small(self, place: CountComparison) -> bool:
        """Whether a page can show the place."""
        length = place.window.end - place.window.start
        return length <= NARROWEST or (max(place.source, place.manifest) <= MAX_PER_PAGE and length <= MOST_DAYS * DAY)

    def fits_a_page(self, place: CountComparison) -> bool:
        """As `is_small`, but days without a partition do not count: a remembered place may have 26 years, and be empty but for
        one day.
        """
        window = place.window
        if self.is_small(place):
            return True
        first, last = day_of(window.start), day_of(window.end - MICROSECOND)
        days = sum(first <= day <= last for day in self.rereading.committer.checkpoint.partitions)
        return max(place.source, place.manifest) <= MAX_PER_PAGE and days <= MOST_DAYS

    async def examine(self, found: CountComparison, before: Difference | None = None) -> Difference | None:
        """Read a place again and repair what can be repaired; None if the counts agree in the end. `before`: the remembered
        difference that the place is, or is a part of.
        """
        window, looked = found.window, False
        if self.rereading.budget.left:
            await self.rereading.committer.restate(await self.rereading.ledger.days(window))
            # Counts kept in the checkpoint may have been behind another run's partitions.
            place = await self.compared(found)
            looked = self.is_small(place) or not self.rereading.capabilities.counts_by_date
            if not place.agrees and looked and self.rereading.budget.left:
                reread = await self.rereading.read_again(window)
                place = await self.compared(found)
                if reread.explains(place.surplus, self.explained):
                    return None
            if place.agrees:
                return None
        else:
            place = CountComparison(window, found.source, await self.rereading.held(window))
        now = self.clock.now()
        difference = Difference(window.start, window.end, place.source, place.manifest, now, now)
        if before is not None:
            difference = replace(
                difference, first_seen_at=before.first_seen_at, looked_at=before.looked_at, looks=before.looks
            )
            looked = looked or (before.source, before.manifest) == (place.source, place.manifest)
        return difference.looked(place, now) if looked else difference

    async def compared(self, before: CountComparison) -> CountComparison:
        """Both counts of the place as they are now. If the source names none, what it named before stands."""
        counted = await self.rereading.counts.of(before.window)
        return replace(
            before,
            source=before.source if counted is None else counted,
            manifest=await self.rereading.held(before.window),
        )

    def middle(self, window: Window, known: Iterable[Difference] = ()) -> datetime | None:
        """The midnight that halves what the manifest holds in the window, else the one before the window's middle; within a
        day, its middle. Always halves, never days one by one: a window may have 26 years, and be empty. None if a known
        difference fills the window: it is not cut.
        """
        live = self.rereading.committer.checkpoint.live_days
        inside = [start for day in live if window.start < (start := day_window(day).start) < window.end]
        middle = inside[len(inside) // 2] if inside else window.start + (window.end - window.start) // 2
        midnight = day_window(day_of(middle)).start
        middle = midnight if window.start < midnight else middle
        for each in known:
            if each.start < middle < each.end:
                middle = each.start if window.start < each.start else each.end
        return middle if window.start < middle < window.end else None

    async def _joined(self, places: list[CountComparison]) -> list[CountComparison]:
        """Neighbours put together while a page can show them: one request reads them all."""
        joined: list[CountComparison] = []
        for place in places:
            if joined:
                last = joined[-1]
                together = Window(last.window.start, place.window.end)
                between = Window(last.window.end, place.window.start) if last.window.end < place.window.start else None
                held = await self.rereading.held(between) if between else 0
                both = CountComparison(
                    together, last.source + held + place.source, last.manifest + held + place.manifest
                )
                if self.is_small(both):
                    joined[-1] = both
                    continue
            joined.append(place)
        return joined
