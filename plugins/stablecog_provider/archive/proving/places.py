"""Places where the counts differ: found by the source's own counts, read again, and repaired."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from ...model.counts import CountComparison, Difference
from ...model.coverage import Axis, Coverage, Window
from ...model.object_keys import day_of
from ...model.output import identity
from ...model.page import MAX_PER_PAGE
from ...model.times import BEGINNING, FAR_FUTURE
from ..committing.commit import Committer
from ..committing.inventory import day_window
from ..committing.ledger import Ledger
from ..committing.pipeline import Pipeline, WorkItems
from ..committing.tally import Tally
from ..listing.budget import RequestBudget
from ..listing.capabilities import Capabilities, WalkKind
from ..listing.counts import SourceCounts
from ..listing.pages import Step
from ..listing.strips import FREE_CUTS
from ..listing.walk import walk
from ..ports import Clock, Source
from .guard import DeletionGuard

DAY = timedelta(days=1)
WIDEST = timedelta(days=31)
"""A place that is read at once holds at most a page of outputs, on at most that many days: each is a partition to load."""
NARROWEST = timedelta(milliseconds=1)


@dataclass(slots=True, kw_only=True)
class Places:
    """One run's dealings with places that differ, on the requested axis. `tallies`: what repairing archived. `whole`: all that
    the source lists, with the time of request, once it was read for that; complete if the account stood still meanwhile.
    """

    source: Source
    capabilities: Capabilities
    counts: SourceCounts
    pipeline: Pipeline
    ledger: Ledger
    committer: Committer
    clock: Clock
    budget: RequestBudget
    guard: DeletionGuard
    per_page: int = MAX_PER_PAGE
    tallies: list[Tally] = field(default_factory=list)
    whole: dict[str, datetime | None] | None = None
    whole_is_complete: bool = False

    async def held(self, window: Window) -> int:
        """The manifest's count, from what is kept of whole days; only days that the window cuts are looked into."""
        total = 0
        for day, summary in self.committer.checkpoint.partitions.items():
            whole = day_window(day)
            if window.start <= whole.start and whole.end <= window.end:
                total += summary.live
            elif summary.live and whole.start < window.end and window.start < whole.end:
                total += (await self.ledger.partition(day)).live_count(window)
        return total

    async def expected(self, window: Window, known: Iterable[Difference]) -> int:
        """What the source should count if nothing new has happened: the manifest's count, and the differences in it."""
        inside = sum(each.surplus for each in known if window.start <= each.start and each.end <= window.end)
        return max(0, await self.held(window) + inside)

    async def locate(self, window: Window, source: int, known: tuple[Difference, ...] = ()) -> list[CountComparison]:
        """The places inside, halved down to what a page can show, or as far as half of the budget reaches. Rising."""
        queue = [CountComparison(window, source, await self.expected(window, known))]
        found: list[CountComparison] = []
        while queue:
            place = queue.pop()
            if place.agrees:
                continue
            middle = None if self.is_small(place) or not self.budget.ample else self._middle(place.window, known)
            if middle is None or not self.capabilities.counts_by_date:
                found.append(place)
                continue
            left, right = Window(place.window.start, middle), Window(middle, place.window.end)
            in_left, expected = await self.counts.of(left), await self.expected(left, known)
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
        return length <= NARROWEST or (max(place.source, place.manifest) <= MAX_PER_PAGE and length <= WIDEST)

    async def examine(self, found: CountComparison, before: Difference | None = None) -> Difference | None:
        """Read a place again and repair what can be repaired; None if the counts agree in the end. `before`: the remembered
        difference that the place is, or is a part of.
        """
        window, looked = found.window, False
        if self.budget.left:
            await self.committer.restate(await self.ledger.days(window))
            # Counts kept in the checkpoint may have been behind another run's partitions.
            place = await self.compared(found)
            looked = self.is_small(place) or not self.capabilities.counts_by_date
            if not place.agrees and looked and self.budget.left:
                await self.read_again(window)
                place = await self.compared(found)
            if place.agrees:
                return None
        else:
            place = CountComparison(window, found.source, await self.held(window))
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
        counted = await self.counts.of(before.window)
        return replace(
            before, source=before.source if counted is None else counted, manifest=await self.held(before.window)
        )

    async def read_again(self, window: Window) -> bool:
        """Archive what is listed in the window and not held; mark what is held and not listed as deleted, if the listing agrees
        with the source's own count. Returns whether all that is held was listed.
        """
        listed, holes = await self._listed(window)
        gone = await self.ledger.unlisted(window, listed)
        if not gone:
            return True
        counted = await self.counts.of(window)
        if counted != _number_in(window, listed):
            # What the listing cannot show is not missing from it.
            for hole in holes.intersect(Coverage((window,))):
                listed = {**await self.ledger.live_in(hole), **listed}
            gone = await self.ledger.unlisted(window, listed)
        if gone and counted == _number_in(window, listed) and await self._may_mark(gone):
            await self.archive(self._tombstones(gone))
        return not gone

    async def _listed(self, window: Window) -> tuple[dict[str, datetime | None], Coverage]:
        """What the source lists in the window, with the time of request, and the stretches that it cannot show; what is not held
        is archived.
        """
        if self.capabilities.walk is WalkKind.DOCUMENTED:
            whole = await self.read_whole()
            return {output_id: at for output_id, at in whole.items() if at is None or at in window}, Coverage()
        listed: dict[str, datetime | None] = {}
        holes, axis = Coverage(), self.capabilities.axis
        cuts = min(FREE_CUTS, self.budget.left // 2)
        for stretch in Coverage((window,)).around(axis, Axis.REQUESTED):
            steps = await _until(
                walk(self.source, stretch, self.capabilities, self.per_page, cuts=cuts, again=True), window.end
            )
            listed |= {identity(output): output.created_at for step in steps for output in step.outputs}
            # Read again, the outputs claim no coverage.
            await self.archive(self.pipeline.work_items(_outputs_alone(steps)))
            holes = holes.merge(Coverage.of(hole for step in steps for hole in step.holes))
        return listed, holes.around(Axis.REQUESTED, axis)

    async def read_whole(self) -> dict[str, datetime | None]:
        """All that the source lists, read at most once per run. If `next` is opaque, a place can only be reached from the top, so
        that one reading serves all places.
        """
        if self.whole is None:
            listed, before = dict[str, datetime | None](), self.source.requests

            async def noted(steps: AsyncIterator[Step]) -> AsyncIterator[Step]:
                async for step in steps:
                    self.whole_is_complete = bool(step.covered)
                    listed.update({identity(output): output.created_at for output in step.outputs})
                    yield Step(step.outputs, lines=step.lines)

            steps = walk(self.source, Window(BEGINNING, FAR_FUTURE), self.capabilities, self.per_page)
            await self.archive(self.pipeline.work_items(noted(steps)))
            self.budget.allow(self.source.requests - before)
            self.whole = listed
        return self.whole

    async def archive(self, items: AsyncIterator[WorkItems]) -> None:
        self.tallies.append(await self.pipeline.run(items))

    async def _may_mark(self, gone: Mapping[str, date]) -> bool:
        """Whether these outputs may be marked as deleted; what is missing of everything decides, not of one place alone."""
        if self.guard.missing is None:
            self.guard.missing = await self._missing()
        used = self.guard.used
        if not self.guard.admits(gone.keys() - self.ledger.created):
            return False
        # Before anything is marked: a run that is cut short must not leave behind what it has used.
        await self._use_up(self.guard.used - used)
        return True

    async def _use_up(self, count: int) -> None:
        """Take so many outputs off what a person allowed."""
        if count:
            await self.committer.amend(
                lambda found: replace(found, deletions_allowed=max(0, found.deletions_allowed - count))
            )

    async def _missing(self) -> int:
        """How many outputs the manifest holds beyond the source's count. Up to what is archived: neither our clock nor what is
        new may hide how much is missing. Nor may what was never archived: each part of coverage is compared alone, too.
        """
        covered = self.committer.coverage
        everything = Window(BEGINNING, covered.windows[-1].end if covered else FAR_FUTURE)
        missing = await self._lacking(everything)
        parts = [(await self.held(part), part) for part in covered.around(Axis.REQUESTED, self.capabilities.axis)]
        whole = len(parts) == 1 and parts[0][1].start <= BEGINNING
        if whole or not self.capabilities.counts_by_date:
            return missing
        fullest = sorted(parts, key=lambda each: -each[0])[: self.budget.left]
        return max(missing, sum([await self._lacking(part) for _, part in fullest]))

    async def _lacking(self, window: Window) -> int:
        counted = await self.counts.of(window)
        return 0 if counted is None else max(0, await self.held(window) - counted)

    async def _tombstones(self, gone: Mapping[str, date]) -> AsyncIterator[WorkItems]:
        yield WorkItems(await self.ledger.tombstones(gone))

    def _middle(self, window: Window, known: Iterable[Difference]) -> datetime | None:
        """The midnight that halves what the manifest holds in the window, else the one before the window's middle; within a
        day, its middle. Always halves, never days one by one: a window may have 26 years, and be empty. None if a known
        difference fills the window: it is not cut.
        """
        live = self.committer.checkpoint.live_days
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
                held = await self.held(between) if between else 0
                both = CountComparison(
                    together, last.source + held + place.source, last.manifest + held + place.manifest
                )
                if self.is_small(both):
                    joined[-1] = both
                    continue
            joined.append(place)
        return joined


def _number_in(window: Window, listed: Mapping[str, datetime | None]) -> int:
    return sum(at is None or at in window for at in listed.values())


async def _until(steps: AsyncIterator[Step], end: datetime) -> list[Step]:
    """The steps, up to the one that shows all that was requested before `end`. On an account where much is in flight, a walk
    over the completions of what was requested in a second would go on for 300 s.
    """
    found = []
    async for step in steps:
        found.append(step)
        # A step that covers something and has outputs is a page of a walk in the order of requests.
        if step.covered and any(output.created_at is not None and output.created_at >= end for output in step.outputs):
            break
    return found


async def _outputs_alone(steps: Iterable[Step]) -> AsyncIterator[Step]:
    for step in steps:
        yield Step(step.outputs, lines=step.lines)
