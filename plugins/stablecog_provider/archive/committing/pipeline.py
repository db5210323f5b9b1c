"""The pipeline: read, copy and commit at the same time. While one page is copied, the next is read and the last is committed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from ...errors import ArchiveError, ImageDenied, ImageGone, ImageHostDown, ItemError
from ...model import row_attempts, row_lifecycle
from ...model.coverage import Coverage
from ...model.manifest import Row, State
from ...model.object_keys import day_of
from ..copying.stored_images import StoredImages
from ..copying.transfer import Copied, Transfer
from ..listing.pages import Step
from ..ports import Clock, Progress, ProgressListener
from ..resilience.together import awaited, gravest
from .commit import Committer
from .controls import Controls
from .ledger import Entry, Fetch, Ledger, Refresh, Tombstone
from .tally import Tally, failure_of, tombstone_of

PAGES_AHEAD = 3
RETRIES_AT_ONCE = 100
"""Images of a day that are one work item, so that a day of many is committed in parts, too."""
COMMIT_EVERY = timedelta(seconds=60)
"""Rows are committed at least this often, so that little work is repeated after a kill."""


@dataclass(frozen=True, slots=True)
class WorkItems:
    """Entries to archive, and what is covered once they are.

    `read`, `holes`: of the page that they came from. `outputs`: those that the page was the first to show.
    """

    entries: list[Entry]
    covered: Coverage = Coverage()
    read: int = 0
    holes: Coverage = Coverage()
    outputs: int = 0


@dataclass(frozen=True, slots=True)
class _Outcome:
    """A row to commit, and how it counts."""

    row: Row
    tally: Tally = Tally()


@dataclass(frozen=True, slots=True)
class _Absent:
    """The host answered that it has no such image. Whether this counts is decided when the row is committed."""

    entry: Fetch
    error: str


@dataclass(slots=True)
class _Batch:
    outcomes: list[_Outcome]
    copies: list[asyncio.Task[_Outcome | _Absent]]
    covered: Coverage


@dataclass(frozen=True, slots=True)
class _End:
    """The end of the batches; `error` is the reason if reading failed."""

    error: ArchiveError | None = None


@dataclass(slots=True, kw_only=True)
class Pipeline:
    """Runs work items through copying and committing. `total`: what came of all items, those before an error included."""

    ledger: Ledger
    transfer: Transfer
    stored_images: StoredImages
    committer: Committer
    clock: Clock
    on_progress: ProgressListener
    progress: Progress = field(default_factory=Progress)
    total: Tally = Tally()
    _controls: Controls = field(init=False)
    _order: random.Random = field(init=False)

    def __post_init__(self) -> None:
        # If broken images came first in every run, they would pass for an outage of the host that serves all others.
        self._order = random.Random(self.clock.now().isoformat())  # noqa: S311 (no secret depends on it)
        self._controls = Controls(self.ledger, self.transfer, self._days_with_images)

    def expect(self, total: int | None) -> None:
        """Show progress towards so many outputs from now on."""
        self._notify(total=total)

    async def run(self, items: AsyncIterator[WorkItems]) -> Tally:
        """Archive all items and count what came of them.

        Raises the gravest ArchiveError; what was committed before stays committed.
        """
        ready: asyncio.Queue[_Batch | _End] = asyncio.Queue(PAGES_AHEAD)
        try:
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(awaited(self._read(items, ready, group)))
                committed = await self._commit_all(ready)
        except BaseExceptionGroup as errors:
            raise gravest(errors) from None
        self.committer.stored()
        return Tally.sum((reading.result(), committed))

    async def work_items(self, steps: AsyncIterator[Step]) -> AsyncIterator[WorkItems]:
        """The steps of a walk as work items."""
        async for step in steps:
            entries = await self.ledger.entries(step.outputs)
            # Before the step's coverage is claimed.
            await self.committer.mark(self.ledger.unreadable)
            outputs = len(step.outputs)
            yield WorkItems(entries, step.covered, step.lines or outputs, step.holes, outputs)

    async def retries(self, days: Sequence[date], listed: Collection[date] = ()) -> AsyncIterator[WorkItems]:
        """The images of these days that are not stored and are due, the days in another order each time. `listed`: days whose due
        images were looked for in the listing before.
        """
        for day in self._order.sample(days, len(days)):
            if not await self.ledger.readable([day]):
                continue
            due = await self.ledger.due(day, listed=day in listed)
            for start in range(0, len(due), RETRIES_AT_ONCE):
                yield WorkItems(due[start : start + RETRIES_AT_ONCE])

    async def _read(
        self, items: AsyncIterator[WorkItems], ready: asyncio.Queue[_Batch | _End], group: asyncio.TaskGroup
    ) -> Tally:
        """Read, and start the copies. If the source fails in mid-walk, what was read before is still archived."""
        tally, created = Tally(), len(self.ledger.created)
        try:
            async for batch in items:
                tally = Tally.sum((tally, Tally(read=batch.read, holes=batch.holes)))
                fetches = await self._still_wanted([entry for entry in batch.entries if isinstance(entry, Fetch)])
                self._order.shuffle(fetches)
                read, planned = self.progress.read + batch.outputs, self.progress.planned + len(fetches)
                # Together, since what is not read yet is added to what is planned.
                self._notify(read=read, planned=planned)
                copies = [group.create_task(self._fetched(entry)) for entry in fetches]
                outcomes = [_as_it_is(entry) for entry in batch.entries if not isinstance(entry, Fetch)]
                await ready.put(_Batch(outcomes, copies, batch.covered))
        except ArchiveError as error:
            await ready.put(_End(error))
        else:
            await ready.put(_End())
        tally = replace(tally, new=len(self.ledger.created) - created)
        self.total = Tally.sum((self.total, tally))
        return tally

    async def _still_wanted(self, fetches: list[Fetch]) -> list[Fetch]:
        """Announce that these images are stored, and return them without those that were forgotten since their rows were read."""
        forgotten = await self.committer.about_to_store(day_of(each.row.created_at) for each in fetches)
        gone = {(day, output_id) for day, ids in forgotten.items() for output_id in ids}
        return [each for each in fetches if (day_of(each.row.created_at), each.row.output_id) not in gone]

    async def _fetched(self, entry: Fetch) -> _Outcome | _Absent:
        """Return the outcome of an attempt to copy the entry's image."""
        outcome: _Outcome | _Absent
        try:
            copied = await self.transfer.copy(entry.job)
        except ImageHostDown as down:
            skipped = row_attempts.skipped(entry.row, str(down), self.clock.now(), rested=entry.rested)
            outcome = _Outcome(skipped, failure_of(entry.row, str(down)))
        except ImageGone as absent:
            outcome = _Absent(entry, str(absent))
        except ItemError as failure:
            # Some hosts answer with 403 for images that they no longer have. For a deleted output, the listing names no other
            # address.
            is_gone = isinstance(failure, ImageDenied) and entry.row.deleted_at is not None
            outcome = _Absent(entry, str(failure)) if is_gone else self._failed(entry, str(failure))
        else:
            outcome = _Outcome(self._stored(entry, copied), Tally(copied=1, bytes=copied.bytes))
        stored = outcome.tally.bytes if isinstance(outcome, _Outcome) else 0
        failed = isinstance(outcome, _Absent) or bool(outcome.tally.failed)
        self._notify(
            done=self.progress.done + 1, bytes=self.progress.bytes + stored, failed=self.progress.failed + failed
        )
        return outcome

    def _stored(self, entry: Fetch, copied: Copied) -> Row:
        return row_lifecycle.stored(entry.row, _copy(entry.row, copied, entry.row.source_url, self.clock.now()))

    def _failed(self, entry: Fetch, error: str, *, gone: bool | None = False) -> _Outcome:
        row = row_attempts.unavailable(entry.row, error, self.clock.now(), gone=gone, rested=entry.rested)
        return _Outcome(row, Tally(gone=1) if gone else failure_of(row, error))

    async def _decided(self, absent: _Absent) -> _Outcome:
        """Decide whether an absent image is gone: after a 404, or a rejection if its output was deleted. That counts only if the
        host serves other images; otherwise, the host may have an outage.
        """
        if await self._controls.serve(absent.entry):
            return self._failed(absent.entry, absent.error, gone=True)
        error = f"{absent.error} (its host served no other image in this run, so this may be temporary)"
        return self._failed(absent.entry, error, gone=None)

    async def _adopted(self, outcome: _Outcome) -> _Outcome:
        """Return the outcome. If its image is not stored, include what is in the bucket although no row counts on it."""
        if not row_lifecycle.needs_copy(outcome.row):
            return outcome
        row = outcome.row
        if row.state == State.LOST and (uri := await self.stored_images.lost(row)) is not None:
            row = row_lifecycle.found(row, self.clock.now(), uri)
        async for found, url in self.stored_images.unnamed(row):
            row = row_lifecycle.adopted(row, _copy(row, found, url, self.clock.now()))
        return _Outcome(row, outcome.tally if row_lifecycle.needs_copy(row) else Tally(refreshed=1))

    def _days_with_images(self) -> Iterable[date]:
        return [day for day, summary in self.committer.checkpoint.partitions.items() if summary.images.archived]

    async def _commit_all(self, ready: asyncio.Queue[_Batch | _End]) -> Tally:
        outcomes: list[_Outcome] = []
        tallies: list[Tally] = []
        covered, since = Coverage(), self.clock.now()
        while isinstance(batch := await ready.get(), _Batch):
            absent: list[_Absent] = []
            for copy in batch.copies:
                if isinstance(each := await copy, _Absent):
                    absent.append(each)
                else:
                    outcomes.append(await self._adopted(each))
                # Rows need not wait for the coverage of their page: a short time limit must not stop slow images for good.
                if outcomes and self.clock.now() - since >= COMMIT_EVERY:
                    tallies.append(await self._commit(outcomes, covered))
                    outcomes, covered, since = [], Coverage(), self.clock.now()
            # Whether a host serves other images is known once all of them were tried.
            outcomes += [await self._adopted(await self._decided(each)) for each in absent]
            outcomes += batch.outcomes
            covered = covered.merge(batch.covered)
            rows = [outcome.row for outcome in outcomes]
            if self.committer.enough(rows) or self.clock.now() - since >= COMMIT_EVERY:
                tallies.append(await self._commit(outcomes, covered))
                outcomes, covered, since = [], Coverage(), self.clock.now()
        tallies.append(await self._commit(outcomes, covered))
        if batch.error:
            raise batch.error
        return Tally.sum(tallies)

    async def _commit(self, outcomes: list[_Outcome], covered: Coverage) -> Tally:
        await self.committer.commit([outcome.row for outcome in outcomes], covered)
        tally = Tally.sum(outcome.tally for outcome in outcomes)
        self.total = Tally.sum((self.total, tally))
        self._notify(written=self.committer.written)
        return tally

    def _notify(self, **changes: Any) -> None:
        self.progress = replace(self.progress, **changes)
        self.on_progress(self.progress)


def _copy(row: Row, copied: Copied, url: str | None, now: datetime) -> row_lifecycle.Copy:
    at = row_lifecycle.after(row, now)
    return row_lifecycle.Copy(at, copied.sha256, copied.uri, copied.content_type, copied.bytes, url)


def _as_it_is(entry: Entry) -> _Outcome:
    if isinstance(entry, Tombstone):
        return _Outcome(entry.row, tombstone_of(entry.row))
    failure = entry.failure if isinstance(entry, Refresh) else ""
    return _Outcome(entry.row, failure_of(entry.row, failure) if failure else Tally(refreshed=1))
