"""Read, copy, commit, all at the same time: while one page is being copied, the next is read and the last is committed.

Order of a commit: images, then their partitions, then the checkpoint. A kill between any two repeats work and loses none.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from ...errors import ArchiveError, FatalError, ImageGone, ItemError, SourceUnavailable, TransientError
from ...model.checkpoint import Checkpoint
from ...model.coverage import Coverage
from ...model.manifest import Row, State
from ...model.object_keys import Rendition, day_of
from ...model.times import BEGINNING, MICROSECOND
from ..copying.transfer import Transfer
from ..listing.walk import Step
from ..ports import Partition, Ports, Progress, ProgressListener
from ..reports.run import SHOWN_FAILURES, Failure, RunReport
from .checkpoint_file import CheckpointFile
from .ledger import Entry, Ledger

PAGES_AHEAD = 3
COMMIT_ROWS = 1000
COMMIT_EVERY = timedelta(seconds=60)
"""A partition is merged when enough rows have come together, or enough work would be repeated after a kill."""
MOST_PENDING = 8000
"""A merge rewrites its partition: so a full one waits for as many rows as it holds, up to this. What is written then stays a
small multiple of what there is, however many outputs a day has.
"""
PARTITIONS_AT_ONCE = 8
_KEPT = "the one that is archived stays; a run whose lookback reaches it tries again"


@dataclass(frozen=True, slots=True)
class WorkItems:
    """Entries to be archived, and what is covered once they are."""

    entries: list[Entry]
    covered: Coverage = Coverage()


@dataclass(frozen=True, slots=True)
class PartitionSummary:
    """What the checkpoint keeps of a partition; the partition itself may be large."""

    version: str
    live: int
    next_retry: datetime | None

    @classmethod
    def of(cls, partition: Partition) -> PartitionSummary:
        return cls(partition.version, partition.live_count(), partition.next_retry())


@dataclass(slots=True)
class _Batch:
    rows: list[Row]
    copies: list[asyncio.Task[Row | SourceUnavailable]]
    covered: Coverage


@dataclass(frozen=True, slots=True)
class _End:
    """No more batches come; `error` is why, where the reading broke off."""

    error: ArchiveError | None = None


@dataclass(slots=True, kw_only=True)
class Pipeline:
    """One run's; `report` and the checkpoint are brought forward as it goes."""

    ports: Ports
    ledger: Ledger
    transfer: Transfer
    checkpoint: CheckpointFile
    start: Checkpoint
    report: RunReport
    on_progress: ProgressListener
    progress: Progress = field(default_factory=Progress)
    _fullest: int = 0

    async def run(self, items: AsyncIterator[WorkItems]) -> None:
        """Archive all that is planned. Raises the gravest ArchiveError; what was committed before stays committed."""
        ready: asyncio.Queue[_Batch | _End] = asyncio.Queue(PAGES_AHEAD)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(items, ready, group))
                await self._commit_all(ready)
        except BaseExceptionGroup as errors:
            raise gravest(errors) from None

    async def work_items(self, steps: AsyncIterator[Step]) -> AsyncIterator[WorkItems]:
        """A walk's steps as plans."""
        async for step in steps:
            self.report.read += len(step.outputs)
            self.report.holes = self.report.holes.merge(step.holes)
            self._notify(read=self.report.read)
            yield WorkItems(await self.ledger.entries(step.outputs), step.covered)

    async def retries(self, days: Iterable[date]) -> AsyncIterator[WorkItems]:
        """What failed in earlier runs and is due."""
        for day in days:
            yield WorkItems(await self.ledger.due(day))

    async def _read(
        self, items: AsyncIterator[WorkItems], ready: asyncio.Queue[_Batch | _End], group: asyncio.TaskGroup
    ) -> None:
        """Where the source fails in mid-walk, what was read before it is archived all the same."""
        try:
            async for batch in items:
                jobs = [entry for entry in batch.entries if entry.job]
                self._notify(planned=self.progress.planned + len(jobs))
                copies = [group.create_task(self._copied(entry)) for entry in jobs]
                rows = [entry.row for entry in batch.entries if entry.job is None]
                await ready.put(_Batch(rows, copies, batch.covered))
        except ArchiveError as error:
            await ready.put(_End(error))
        else:
            await ready.put(_End())

    async def _copied(self, entry: Entry) -> Row | SourceUnavailable:
        """The entry's row after an attempt to copy its image, whatever came of it; why there is none where the host of the
        images is down.
        """
        job, row = entry.job, entry.row
        if job is None:
            return row
        error, state = None, State.ARCHIVED
        fixity: dict[str, Any] = {}
        try:
            copied = await self.transfer.copy(job)
            fixity = {
                "uri": copied.uri,
                "sha256": copied.sha256,
                "content_type": copied.content_type,
                "bytes": copied.bytes,
            }
        except SourceUnavailable as down:
            return down
        except ItemError as failure:
            if entry.archived is not None:
                self._fail(row, f"another image took its place, and could not be had: {failure.message} -> {_KEPT}")
                self._notify(done=self.progress.done + 1, failed=self.progress.failed + 1)
                return replace(entry.archived, deleted_at=None, last_seen_at=row.last_seen_at)
            error, state = str(failure), State.GONE if isinstance(failure, ImageGone) else State.FAILED
        now = self.ports.clock.now()
        if entry.archived is not None and entry.archived.archived_at is not None:
            # Later than the one it replaces, whatever the clock was that stamped that one.
            now = max(now, entry.archived.archived_at + MICROSECOND)
        archived_at = now if error is None else None
        row = replace(
            row,
            state=state,
            error=error,
            attempts=entry.attempts_if_gone if state is State.GONE else row.attempts + 1,
            attempted_at=now,
            archived_at=archived_at,
            **fixity,
        )
        self._notify(
            done=self.progress.done + 1,
            bytes=self.progress.bytes + (row.bytes or 0),
            failed=self.progress.failed + (error is not None),
        )
        return row

    async def _commit_all(self, ready: asyncio.Queue[_Batch | _End]) -> None:
        rows: list[Row] = []
        covered, since = Coverage(), self.ports.clock.now()
        while isinstance(batch := await ready.get(), _Batch):
            copied = [await copy for copy in batch.copies]
            rows += [row for row in copied if isinstance(row, Row)]
            if down := next((error for error in copied if isinstance(error, SourceUnavailable)), None):
                # Without the rest of the batch: it may say more of an image that did not come, and whose row would then stand
                # there as failed, never having been tried.
                await self._commit(rows, covered)
                raise down
            rows += batch.rows
            covered = covered.merge(batch.covered)
            if len(rows) >= self._enough(rows) or self.ports.clock.now() - since >= COMMIT_EVERY:
                await self._commit(rows, covered)
                rows, covered, since = [], Coverage(), self.ports.clock.now()
        await self._commit(rows, covered)
        if batch.error:
            raise batch.error

    def _enough(self, rows: list[Row]) -> int:
        """How many rows are worth a commit: more where most of them are for one full day, whose partition is rewritten."""
        if len(rows) < COMMIT_ROWS or self._fullest <= COMMIT_ROWS:
            return COMMIT_ROWS
        ((_, most),) = Counter(day_of(row.created_at) for row in rows).most_common(1)
        return min(self._fullest, MOST_PENDING) if most * 2 >= len(rows) else COMMIT_ROWS

    async def _commit(self, rows: list[Row], covered: Coverage) -> None:
        if not rows and not covered:
            return
        by_day: defaultdict[date, list[Row]] = defaultdict(list)
        for row in rows:
            by_day[day_of(row.created_at)].append(row)
        days = sorted(by_day)
        standing: dict[date, PartitionSummary] = {}
        self._fullest = 0
        for at in range(0, len(days), PARTITIONS_AT_ONCE):
            some = days[at : at + PARTITIONS_AT_ONCE]
            async with asyncio.TaskGroup() as group:
                merges = [group.create_task(self.ports.manifest.merge(day, by_day[day])) for day in some]
            for merged in (merge.result() for merge in merges):
                self.ledger.keep(merged)
                standing[merged.day] = PartitionSummary.of(merged)
                self._fullest = max(self._fullest, len(merged))
        self.ledger.committed(rows)
        await self.save(covered, standing)
        self._account(rows)

    async def save(self, covered: Coverage, standing: Mapping[date, PartitionSummary]) -> Checkpoint:
        """Add to the checkpoint what is covered and how the partitions stand now.

        Counts, versions and retries replace what stood there. So where another run saves first, the partitions are read
        again after its checkpoint: what that run saw of them must not be taken back by what we saw before.
        """
        now = dict(standing)

        async def look_again() -> None:
            for day in now:
                self.ledger.forget(day)
                now[day] = PartitionSummary.of(await self.ledger.partition(day))

        def change(found: Checkpoint) -> Checkpoint:
            found = found.on(self.start.axis)
            retries = {**found.retries, **{day: each.next_retry for day, each in now.items()}}
            fresh = replace(
                found,
                coverage=found.coverage.merge(covered),
                days={**found.days, **{day: each.live for day, each in now.items()}},
                versions={**found.versions, **{day: each.version for day, each in now.items()}},
                retries={day: due for day, due in retries.items() if due is not None},
            )
            return found if fresh == found else self._signed(fresh)

        saved = await self.checkpoint.update(change, self.start, look_again)
        self.report.coverage = saved.coverage
        return saved

    def _signed(self, checkpoint: Checkpoint) -> Checkpoint:
        return replace(checkpoint, run_id=self.report.run_id, saved_at=self.ports.clock.now())

    def _account(self, rows: Iterable[Row]) -> None:
        report = self.report
        for row in rows:
            if row.deleted_at is not None:
                report.tombstoned += row.rendition == Rendition.ORIGINAL and row.created_at > BEGINNING
            elif row.attempted_at is None or row.run_id != report.run_id:
                report.refreshed += 1
            elif row.state == State.ARCHIVED:
                report.copied += 1
                report.bytes += row.bytes or 0
            elif row.state == State.GONE:
                report.gone += 1
            else:
                self._fail(row, row.error or "unknown")

    def _fail(self, row: Row, error: str) -> None:
        self.report.failed += 1
        if len(self.report.failures) < SHOWN_FAILURES:
            self.report.failures.append(Failure(row.output_id, row.rendition, error))

    def _notify(self, **changes: Any) -> None:
        self.progress = replace(self.progress, **changes)
        self.on_progress(self.progress)


def gravest(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of errors that came together, the one that says most: a bug, then fatal, then settings, then transient."""

    def rank(error: BaseException) -> int:
        if not isinstance(error, ArchiveError):
            return 0
        return 1 if isinstance(error, FatalError) else 3 if isinstance(error, TransientError) else 2

    return min(_leaves(errors), key=rank)


def _leaves(errors: BaseExceptionGroup[BaseException]) -> Iterable[BaseException]:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
