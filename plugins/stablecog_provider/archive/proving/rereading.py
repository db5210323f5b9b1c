"""Places read again: what is listed and not held is archived, what is held and not listed is marked as deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from ...model.counts import CountComparison
from ...model.coverage import Axis, Coverage, Window
from ...model.object_keys import day_of
from ...model.output import identity
from ...model.page import MAX_PER_PAGE
from ...model.times import BEGINNING, FAR_FUTURE, MICROSECOND
from ..committing.commit import Committer
from ..committing.inventory import day_window
from ..committing.ledger import Ledger
from ..committing.pipeline import Pipeline, WorkItems
from ..committing.tally import Tally
from ..listing.budget import RequestBudget
from ..listing.capabilities import Capabilities, WalkKind
from ..listing.counts import SourceCounts
from ..listing.pages import Step, within
from ..listing.strips import FREE_CUTS
from ..listing.walk import walk
from ..ports import Source
from .absence import Absence
from .guard import DeletionGuard

LEAST_PARTS = 4
"""Parts of coverage that are compared before anything is marked as deleted, even if the budget is used up."""


@dataclass(frozen=True, slots=True)
class Reread:
    """What came of reading a place again. `all_listed`: whether all that is held there was listed. `beside`: outputs whose date
    cannot be read that were listed with it: the source may count them there. `kept`: such outputs that the manifest holds there,
    and that the source counts elsewhere.
    """

    all_listed: bool
    beside: frozenset[str] = frozenset()
    kept: int = 0

    def explains(self, surplus: int, used: set[str]) -> bool:
        """Whether such outputs explain what the source counts beyond the manifest; each explains one output of one place."""
        free = sorted(self.beside - used)
        if 0 < surplus <= len(free):
            used.update(free[:surplus])
            return True
        return surplus < 0 and -surplus == self.kept


@dataclass(slots=True, kw_only=True)
class Rereading:
    """What one run reads again, on the requested axis. `tallies`: what repairing archived. `whole`: all that the source lists,
    with the time of request, once it was read for that; complete if the account stood still meanwhile.
    """

    source: Source
    capabilities: Capabilities
    counts: SourceCounts
    pipeline: Pipeline
    ledger: Ledger
    committer: Committer
    budget: RequestBudget
    guard: DeletionGuard
    per_page: int = MAX_PER_PAGE
    tallies: list[Tally] = field(default_factory=list)
    whole: dict[str, datetime | None] | None = None
    whole_is_complete: bool = False
    _undated: tuple[set[str], set[str]] | None = None

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

    async def read_again(self, window: Window, *, of_all: bool = False) -> Reread:
        """Archive what is listed in the window and not held; mark what is held and not listed as deleted, if the listing agrees
        with the source's own count. `of_all`: whether the window is all that is covered.
        """
        listed, holes = await self._listed(window)
        gone = await self.ledger.unlisted(window, listed)
        if not self.ledger.has_undated_rows:
            return Reread(all_listed=await self._mark(window, listed, holes, gone))
        needed, spare = await self._stand_ins()
        if window.start > BEGINNING:
            undated = {output_id for output_id, at in listed.items() if at is None}
            return Reread(all_listed=await self._mark(window, listed, holes, gone), beside=frozenset(needed & undated))
        if spare:
            await self.archive(self._tombstones(dict.fromkeys(spare, day_of(BEGINNING))))
            self._undated = needed, set()
        kept = set[str]() if of_all else needed
        gone = {output_id: day for output_id, day in gone.items() if output_id not in kept | spare}
        return Reread(all_listed=await self._mark(window, listed, holes, gone), kept=len(kept))

    async def _mark(
        self, window: Window, listed: dict[str, datetime | None], holes: Coverage, gone: dict[str, date]
    ) -> bool:
        """Mark what the source does not count any more. Returns whether all that is held was listed, or is counted."""
        if not gone:
            return True
        if self.capabilities.counts_by_date and window.start > BEGINNING:
            return await self._mark_uncounted(listed, holes, gone)
        counted = await self.counts.of(window)
        if counted != _number_in(window, listed):
            # What the listing cannot show is not missing from it.
            for hole in holes.intersect(Coverage((window,))):
                listed = {**await self.ledger.live_in(hole), **listed}
            gone = await self.ledger.unlisted(window, listed)
        same = counted == _number_in(window, listed) and self.counts.shows_alike(window, listed)
        if gone and same and await self._may_mark(gone):
            await self.archive(self._tombstones(gone))
        return not gone

    async def _mark_uncounted(self, listed: dict[str, datetime | None], holes: Coverage, gone: dict[str, date]) -> bool:
        absence = await self._absence(listed, gone)
        unknown = gone.keys() - absence.gone - absence.counted
        if unknown and (late := await self._listed_late({output_id: gone[output_id] for output_id in unknown})):
            # Of several outputs of one generation, the count cannot tell which one is gone.
            listed = {**listed, **late}
            gone = {output_id: day for output_id, day in gone.items() if output_id not in late}
            absence = await self._absence(listed, gone)
        marked = {output_id: day for output_id, day in gone.items() if output_id in absence.gone}
        if marked and await self._may_mark(marked):
            await self.archive(self._tombstones(marked))
        left = gone.keys() - absence.counted
        for hole in holes if left else ():
            # What the listing cannot show is not missing from it.
            left -= (await self.ledger.live_in(hole)).keys() - absence.gone
        return not left

    async def _absence(self, listed: Mapping[str, datetime | None], gone: Mapping[str, date]) -> Absence:
        at = await self.ledger.requested_at(gone)
        slow = await self.ledger.slow(gone)
        absence = Absence(missing=at, listed=[at for at in listed.values() if at is not None], slow=slow)
        await absence.examine(self.counts, self.budget)
        return absence

    async def _listed_late(self, outputs: Mapping[str, date]) -> dict[str, datetime | None]:
        """What is listed where these outputs completed, which may be long after their place."""
        if self.capabilities.axis is Axis.REQUESTED:
            return {}
        completed = await self.ledger.completed_at(outputs)
        stretches = Coverage.of(Window(at, at + MICROSECOND) for at in completed)
        listed: dict[str, datetime | None] = {}
        for stretch in stretches.windows[: self.budget.left // 4]:
            listed |= (await self._read_stretch(stretch, stretch.end))[0]
        return listed

    async def read_all_covered(self, compared: CountComparison) -> CountComparison:
        """Read all that is covered again, if the counts differ while no place does: a stand-in and a deletion beside its output
        cancel out in every place. Only a listing of all tells which of the two the source still has. Returns both counts anew.
        """
        covered = self.committer.coverage.on(Axis.REQUESTED, self.capabilities.axis).windows
        window = compared.window
        affordable = compared.manifest <= self.budget.left * MAX_PER_PAGE // 2
        if not self.ledger.has_undated_rows or covered != (window,) or window.start > BEGINNING or not affordable:
            return compared
        before = self.source.requests
        await self.read_again(window, of_all=True)
        self.budget.allow(self.source.requests - before)
        return replace(compared, manifest=await self.held(window))

    async def _stand_ins(self) -> tuple[set[str], set[str]]:
        """The live outputs whose date cannot be read: held under `BEGINNING`, and counted elsewhere by the source. The second
        set: those that have a live row of their own besides, so that no stand-in is needed.
        """
        if self._undated is None:
            day = day_of(BEGINNING)
            live = (await self.ledger.partition(day)).live_ids(day_window(day))
            self._undated = live, await self.ledger.live_elsewhere(live)
        live, elsewhere = self._undated
        return live - elsewhere, live & elsewhere

    async def _listed(self, window: Window) -> tuple[dict[str, datetime | None], Coverage]:
        """What the source lists in the window, with the time of request, and the stretches that it cannot show; what is not held
        is archived.
        """
        if self.capabilities.walk is WalkKind.DOCUMENTED:
            whole = await self.read_whole()
            return {output_id: at for output_id, at in whole.items() if at is None or at in window}, Coverage()
        listed: dict[str, datetime | None] = {}
        holes, axis = Coverage(), self.capabilities.axis
        for stretch in Coverage((window,)).around(axis, Axis.REQUESTED):
            found, hidden = await self._read_stretch(stretch, window.end)
            listed, holes = listed | found, holes.merge(hidden)
        return listed, holes.around(Axis.REQUESTED, axis)

    async def _read_stretch(self, stretch: Window, end: datetime) -> tuple[dict[str, datetime | None], Coverage]:
        """What is listed in a stretch of the walk's axis, up to what was requested at `end`, and what cannot be shown there. Read
        again, the outputs claim no coverage.
        """
        cuts = min(FREE_CUTS, self.budget.left // 2)
        again = walk(self.source, stretch, self.capabilities, self.per_page, cuts=cuts, again=True)
        steps = await _until(again, end)
        covered, axis = self.committer.coverage, self.capabilities.axis
        await self.archive(self.pipeline.work_items(within(_each(steps), covered, axis)))
        listed = {identity(output): output.created_at for step in steps for output in step.outputs}
        return listed, Coverage.of(hole for step in steps for hole in step.holes)

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
        missing, covered = await self._lacking(self._everything), self.committer.coverage
        parts = [(await self.held(part), part) for part in covered.around(Axis.REQUESTED, self.capabilities.axis)]
        whole = len(parts) == 1 and parts[0][1].start <= BEGINNING
        if whole or not self.capabilities.counts_by_date:
            return missing
        fullest = sorted(parts, key=lambda each: -each[0])[: max(LEAST_PARTS, self.budget.left)]
        return max(missing, sum([await self._lacking(part) for _, part in fullest]))

    @property
    def _everything(self) -> Window:
        covered = self.committer.coverage.windows
        return Window(BEGINNING, covered[-1].end if covered else FAR_FUTURE)

    async def _lacking(self, window: Window) -> int:
        counted = await self.counts.of(window)
        return 0 if counted is None else max(0, await self.held(window) - counted)

    async def _tombstones(self, gone: Mapping[str, date]) -> AsyncIterator[WorkItems]:
        yield WorkItems(await self.ledger.tombstones(gone))


def _number_in(window: Window, listed: Mapping[str, datetime | None]) -> int:
    return sum(at is None or at in window for at in listed.values())


async def _each(steps: Iterable[Step]) -> AsyncIterator[Step]:
    for step in steps:
        yield step


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
