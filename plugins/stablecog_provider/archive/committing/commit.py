"""Commits: rows into their partitions, then what is covered into the checkpoint.

Order of a commit: images, then their partitions, then the checkpoint. A kill between any two repeats work and loses none.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from ...model.checkpoint import Checkpoint
from ...model.coverage import Coverage
from ...model.manifest import Row
from ...model.object_keys import day_of
from ..ports import Clock, Manifest, Partition
from .checkpoint_file import CheckpointFile
from .ledger import Ledger

COMMIT_ROWS = 1000
"""A partition is merged when this many rows have come together."""
MAX_PENDING_ROWS = 8000
"""A merge rewrites its partition, so a full one waits for as many rows as it holds, up to this. The bytes written then stay a
small multiple of the bytes kept, however many outputs a day has.
"""
PARTITIONS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class PartitionSummary:
    """What the checkpoint keeps of a partition; the partition itself may be large."""

    version: str
    live: int
    next_retry: datetime | None

    @classmethod
    def of(cls, partition: Partition) -> PartitionSummary:
        return cls(partition.version, partition.live_count(), partition.next_retry())


def is_worth_committing(pending: int, of_one_day: int, fullest: int) -> bool:
    """Whether so many pending rows are worth rewriting their partitions. `of_one_day`: the most that belong to one day.
    `fullest`: rows of the fullest partition of the last commit. If most belong to one full day, they wait for each other.
    """
    if fullest <= COMMIT_ROWS or of_one_day * 2 < pending:
        return pending >= COMMIT_ROWS
    return pending >= min(fullest, MAX_PENDING_ROWS)


class Committer:
    """Writes what one run finds out. `start`: the checkpoint that the run goes on from, on the run's axis."""

    def __init__(
        self, manifest: Manifest, file: CheckpointFile, ledger: Ledger, clock: Clock, run_id: str, start: Checkpoint
    ) -> None:
        self.start = start
        self._manifest, self._file, self._ledger, self._clock, self._run_id = manifest, file, ledger, clock, run_id
        self._fullest = 0

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint as last read or written, on its own axis."""
        return self._file.current or self.start

    @property
    def coverage(self) -> Coverage:
        """What is covered, on the run's axis."""
        return self.checkpoint.on(self.start.axis).coverage

    def enough(self, rows: Sequence[Row]) -> bool:
        """Whether the rows are worth a commit."""
        if len(rows) < COMMIT_ROWS:
            return False
        ((_, most),) = Counter(day_of(row.created_at) for row in rows).most_common(1)
        return is_worth_committing(len(rows), most, self._fullest)

    async def commit(self, rows: Sequence[Row], covered: Coverage) -> None:
        """Merge the rows into their partitions, then save what they cover."""
        if not rows and not covered:
            return
        by_day: defaultdict[date, list[Row]] = defaultdict(list)
        for row in rows:
            by_day[day_of(row.created_at)].append(row)
        days = sorted(by_day)
        summaries: dict[date, PartitionSummary] = {}
        self._fullest = 0
        for at in range(0, len(days), PARTITIONS_AT_ONCE):
            some = days[at : at + PARTITIONS_AT_ONCE]
            async with asyncio.TaskGroup() as group:
                merges = [group.create_task(self._manifest.merge(day, by_day[day])) for day in some]
            for merged in (merge.result() for merge in merges):
                self._ledger.keep(merged)
                summaries[merged.day] = PartitionSummary.of(merged)
                self._fullest = max(self._fullest, len(merged))
        self._ledger.committed(rows)
        await self.save(covered, summaries)

    async def restate(self, days: Iterable[date]) -> None:
        """Read the partitions again, and save what they hold now."""
        summaries = {}
        for day in days:
            self._ledger.forget(day)
            summaries[day] = PartitionSummary.of(await self._ledger.partition(day))
        await self.save(Coverage(), summaries)

    async def save(self, covered: Coverage, summaries: Mapping[date, PartitionSummary]) -> Checkpoint:
        """Add to the checkpoint what is covered and what the partitions hold now.

        Counts, versions and retries replace the saved ones. So if another run saves first, the partitions are read again after
        its checkpoint: what that run saw of them must not be undone by what this run saw before.
        """
        now = dict(summaries)

        async def look_again() -> None:
            for day in now:
                self._ledger.forget(day)
                now[day] = PartitionSummary.of(await self._ledger.partition(day))

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
            if fresh == found:
                return found
            return replace(fresh, run_id=self._run_id, saved_at=self._clock.now())

        return await self._file.update(change, self.start, look_again)
