"""The phases of a run: read what is new, read a slice again, retry images, prove."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial

from ..errors import ArchiveError, RateLimited, SourceContradiction, SourceUnavailable
from ..model.coverage import Coverage, Window
from ..model.object_keys import Layout
from ..model.partition_summary import PartitionSummary
from ..model.times import BEGINNING, FAR_FUTURE
from .committing.commit import Committer
from .committing.ledger import Ledger
from .committing.partitions import MOST_REFUSED, UNREADABLE
from .committing.pipeline import Pipeline
from .committing.tally import Tally
from .fixity.lost_images import look_for_images
from .listing.budget import EXTRA_REQUESTS, RequestBudget
from .listing.capabilities import Probe, WalkKind
from .listing.counts import SourceCounts
from .listing.gaps import DAYS_LISTED_AGAIN, due_days, from_the_top, resting, windows_to_list_again
from .listing.pace import OneSlice, Pace
from .listing.pages import within
from .listing.sweep import Slice
from .listing.verified import verified
from .listing.walk import walk
from .ports import Ports, ProgressListener
from .proving.guard import DeletionGuard
from .proving.places import Places
from .proving.proof import Prover, RunProof
from .proving.rereading import Rereading
from .refreshing import Refreshing
from .reports.wording import SHOWN, counted
from .run_settings import ArchiveSettings

IMAGES_LOOKED_FOR = 20_000
"""In one run: a request to the store per 1,000 of them, and one more per image that is missing."""
SOURCE_FAILURES = (RateLimited, SourceUnavailable, SourceContradiction)


@dataclass(slots=True)
class Phases:
    """One run's parts, and what it does with them in turn. `listed_again`: windows that were read because images in them are due.
    `notes`: sentences for the report.
    """

    ports: Ports
    settings: ArchiveSettings
    asked: Probe
    ledger: Ledger
    committer: Committer
    pipeline: Pipeline
    started: datetime
    settled: datetime
    run_id: str
    listed_again: int = 0
    notes: list[str] = field(default_factory=list)
    refreshing: Refreshing = field(init=False)

    def __post_init__(self) -> None:
        self.refreshing = Refreshing(
            self.ports.source, self.asked, self.ledger, self.committer, self.pipeline, self.read_at
        )

    @property
    def read_at(self) -> datetime:
        """When the slice was read: of two clocks, the one that claims less."""
        return min(self.started, self.asked.page.source_time)

    async def look_for_images(self, layout: Layout, on_progress: ProgressListener) -> None:
        """Look for stored images of days whose partition something else has changed, or whose images may not have been moved
        along. What is missing is marked as lost, so that it is due.
        """
        checkpoint, as_of = self.committer.checkpoint, self.committer.readings
        marks, images, refused = dict[date, str](), 0, 0
        days = sorted(checkpoint.unchecked, reverse=True)
        # Each run begins elsewhere, so that no day waits for ever behind those that cannot be read.
        at = checkpoint.proofs * MOST_REFUSED % len(days) if days else 0
        for day in (*days[at:], *days[:at]):
            if refused >= MOST_REFUSED:
                break
            if not await self.ledger.readable([day]):
                refused += 1
                continue
            images += checkpoint.partitions.get(day, PartitionSummary()).images.archived
            if marks and images > IMAGES_LOOKED_FOR:
                break
            marks[day] = checkpoint.unchecked[day]
        if not marks:
            return
        looked = await look_for_images(self.ports, layout, marks, self.run_id, self.committer.announce, on_progress)
        await self.committer.looked_for(marks, looked, as_of)
        self.notes.append(
            f"{counted(looked.checked or 0, 'stored image was', 'stored images were')} looked for in the bucket, since the "
            "archive was moved or partitions were changed by something else: "
            f"{len(looked.lost):,} missing, {looked.found:,} found again."
        )

    async def read(self, windows: Coverage, slice_: Slice | None, pace: Pace | None = None) -> Tally:
        """Archive what is new, and what reading again adds: from the slice on, as much as the pace wants."""
        try:
            read = [await self._read(window) for window in windows]
            return Tally.sum((*read, await self.refreshing.read(slice_, pace or OneSlice())))
        except SOURCE_FAILURES:
            # The same page may fail in every run. Images whose hosts answer must not wait for it.
            with suppress(ArchiveError):
                await self.pipeline.run(self.pipeline.retries(self._due_days()))
            raise

    async def _read(self, window: Window) -> Tally:
        """Archive all that the source lists in a window of the walk's axis."""
        capabilities = self.asked.capabilities
        checkpoint = self.committer.checkpoint.on(capabilities.axis)
        known = checkpoint.coverage.merge(resting(checkpoint, self.started))
        steps = walk(
            self.ports.source, window, capabilities, self.settings.per_page, known=known, again=bool(checkpoint.holes)
        )
        return await self.pipeline.run(self.pipeline.work_items(verified(steps, self.ports.source, self.asked)))

    async def retry(self) -> Tally:
        """Fetch the images that are due, at the addresses that the source names now. Last, so that an image host that fails for
        long keeps nothing new from being read.
        """
        days, tallies = self._due_days(), list[Tally]()
        listed = days[:DAYS_LISTED_AGAIN]
        try:
            for window in await self._to_list_again(listed):
                tallies.append(await self._list_again(window))
        except SOURCE_FAILURES as error:
            listed = []
            self.notes.append(
                f"Images that are due were requested where the manifest says, since the listing failed: {error.message}."
            )
        return Tally.sum((*tallies, await self.pipeline.run(self.pipeline.retries(days, listed))))

    def _due_days(self) -> list[date]:
        return due_days(self.committer.checkpoint, self.started, everything=self.settings.retry_failed)

    async def _to_list_again(self, days: list[date]) -> Coverage:
        """The windows (walk's axis) that list the images that are due on these days."""
        capabilities = self.asked.capabilities
        opaque = capabilities.walk is WalkKind.DOCUMENTED
        checkpoint = self.committer.checkpoint.on(capabilities.axis)
        # An opaque cursor leads there only from the top.
        outdated = partial(self.ledger.outdated, needed=opaque)
        windows = await windows_to_list_again(checkpoint, days, outdated, self.settled)
        self.listed_again = len(windows.windows)
        return from_the_top(windows) if opaque else windows

    async def _list_again(self, window: Window) -> Tally:
        """Archive what is covered of a window. Read again, the outputs claim no coverage."""
        steps = walk(self.ports.source, window, self.asked.capabilities, self.settings.per_page, again=True)
        covered, axis = self.committer.coverage, self.asked.capabilities.axis
        return await self.pipeline.run(self.pipeline.work_items(within(steps, covered, axis)))

    @property
    def all_notes(self) -> tuple[str, ...]:
        """`notes`, and the days that were skipped."""
        skipped = [
            f"The day {day} was skipped, since its partition cannot be read: {told}."
            for day, told in sorted(self.ledger.unreadable.items())
        ]
        more = (
            [f"{counted(len(skipped) - SHOWN, 'more day was', 'more days were')} skipped."]
            if len(skipped) > SHOWN
            else []
        )
        return (*self.notes, *skipped[:SHOWN], *more)

    async def prove(self, windows: Coverage, tally: Tally, *, read_whole: bool = False) -> tuple[RunProof, Tally]:
        """Compare with the source's counts, and repair. `read_whole`: read everything again if no cursor leads to old places."""
        known, capabilities = self.committer.checkpoint.on(self.asked.capabilities.axis), self.asked.capabilities
        rereading = Rereading(
            source=self.ports.source,
            capabilities=capabilities,
            counts=SourceCounts(source=self.ports.source, capabilities=capabilities, per_page=self.settings.per_page),
            pipeline=self.pipeline,
            ledger=self.ledger,
            committer=self.committer,
            budget=RequestBudget(
                self.ports.source, self.ledger.created, EXTRA_REQUESTS + self.refreshing.extra_requests
            ),
            guard=DeletionGuard(known.live - len(self.ledger.created), known.deletions_allowed),
            per_page=self.settings.per_page,
        )
        prover = Prover(
            places=Places(rereading=rereading, clock=self.ports.clock),
            capabilities=capabilities,
            known=known,
            now=self.started,
            consented=bool(known.deletions_allowed),
            read_whole=read_whole,
        )
        asked = Window(self.settings.start or BEGINNING, self.settings.end or FAR_FUTURE)
        recent = windows if tally.new else Coverage()
        await self.committer.mark(self.ledger.unreadable)
        try:
            proof = await prover.prove(asked, recent, tally.holes)
        except UNREADABLE as error:
            if not self.ledger.unreadable:
                raise
            proof = RunProof(
                known=known,
                proof=None,
                differences=known.differences,
                holes=known.holes,
                claims=(f"Nothing was compared: {error.message}.",),
            )
        await self.committer.mark(self.ledger.unreadable)
        return proof, Tally.sum((*rereading.tallies, Tally(read=rereading.counts.read)))
