"""The pipeline: read, copy and commit at the same time. While one page is copied, the next is read and the last is committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from ...errors import ArchiveError, FatalError, ImageGone, ItemError, SourceUnavailable, TransientError
from ...model.coverage import Coverage
from ...model.manifest import Row, State
from ...model.times import MICROSECOND
from ..copying.transfer import Transfer
from ..listing.walk import Step
from ..ports import Clock, Progress, ProgressListener
from .commit import Committer
from .ledger import Entry, Ledger
from .tally import Tally, failure_of, tally_of

PAGES_AHEAD = 3
COMMIT_EVERY = timedelta(seconds=60)
"""At the latest after this long, rows are committed: more work would be repeated after a kill."""
_KEPT = "the one that is archived stays; a run whose lookback reaches it tries again"


@dataclass(frozen=True, slots=True)
class WorkItems:
    """Entries to archive, and what is covered once they are. `read`, `holes`: of the page that they came from."""

    entries: list[Entry]
    covered: Coverage = Coverage()
    read: int = 0
    holes: Coverage = Coverage()


@dataclass(slots=True)
class _Batch:
    rows: list[Row]
    copies: list[asyncio.Task[Row | SourceUnavailable]]
    covered: Coverage


@dataclass(frozen=True, slots=True)
class _End:
    """No more batches come; `error` is why, if the reading broke off."""

    error: ArchiveError | None = None


@dataclass(slots=True, kw_only=True)
class Pipeline:
    """Runs work items through copying and committing."""

    ledger: Ledger
    transfer: Transfer
    committer: Committer
    clock: Clock
    run_id: str
    on_progress: ProgressListener
    progress: Progress = field(default_factory=Progress)

    async def run(self, items: AsyncIterator[WorkItems]) -> Tally:
        """Archive all items and count what came of them.

        Raises the gravest ArchiveError; what was committed before stays committed.
        """
        ready: asyncio.Queue[_Batch | _End] = asyncio.Queue(PAGES_AHEAD)
        counted: list[Tally] = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(items, ready, group, counted))
                await self._commit_all(ready, counted)
        except BaseExceptionGroup as errors:
            raise gravest(errors) from None
        return Tally.sum(counted)

    async def work_items(self, steps: AsyncIterator[Step]) -> AsyncIterator[WorkItems]:
        """The steps of a walk as work items."""
        async for step in steps:
            self._notify(read=self.progress.read + len(step.outputs))
            yield WorkItems(await self.ledger.entries(step.outputs), step.covered, len(step.outputs), step.holes)

    async def retries(self, days: Iterable[date]) -> AsyncIterator[WorkItems]:
        """The images of these days that failed in earlier runs and are due."""
        for day in days:
            yield WorkItems(await self.ledger.due(day))

    async def _read(
        self,
        items: AsyncIterator[WorkItems],
        ready: asyncio.Queue[_Batch | _End],
        group: asyncio.TaskGroup,
        counted: list[Tally],
    ) -> None:
        """If the source fails in mid-walk, what was read before it is archived all the same."""
        try:
            async for batch in items:
                counted.append(Tally(read=batch.read, holes=batch.holes))
                jobs = [entry for entry in batch.entries if entry.job]
                self._notify(planned=self.progress.planned + len(jobs))
                copies = [group.create_task(self._copied(entry, counted)) for entry in jobs]
                rows = [entry.row for entry in batch.entries if entry.job is None]
                await ready.put(_Batch(rows, copies, batch.covered))
        except ArchiveError as error:
            await ready.put(_End(error))
        else:
            await ready.put(_End())

    async def _copied(self, entry: Entry, counted: list[Tally]) -> Row | SourceUnavailable:
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
                error = f"another image took its place, and could not be had: {failure.message} -> {_KEPT}"
                counted.append(failure_of(row, error))
                self._notify(done=self.progress.done + 1, failed=self.progress.failed + 1)
                return replace(entry.archived, deleted_at=None, last_seen_at=row.last_seen_at)
            error, state = str(failure), State.GONE if isinstance(failure, ImageGone) else State.FAILED
        now = self.clock.now()
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

    async def _commit_all(self, ready: asyncio.Queue[_Batch | _End], counted: list[Tally]) -> None:
        rows: list[Row] = []
        covered, since = Coverage(), self.clock.now()
        while isinstance(batch := await ready.get(), _Batch):
            copied = [await copy for copy in batch.copies]
            rows += [row for row in copied if isinstance(row, Row)]
            if down := next((error for error in copied if isinstance(error, SourceUnavailable)), None):
                # Without the rest of the batch: it may say more of an image that did not come, and whose row would then stand
                # there as failed, never having been tried.
                counted.append(await self._commit(rows, covered))
                raise down
            rows += batch.rows
            covered = covered.merge(batch.covered)
            if self.committer.enough(rows) or self.clock.now() - since >= COMMIT_EVERY:
                counted.append(await self._commit(rows, covered))
                rows, covered, since = [], Coverage(), self.clock.now()
        counted.append(await self._commit(rows, covered))
        if batch.error:
            raise batch.error

    async def _commit(self, rows: Sequence[Row], covered: Coverage) -> Tally:
        await self.committer.commit(rows, covered)
        return tally_of(rows, self.run_id)

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
