"""The rows to restore, day by day: one partition in memory at a time, whatever the archive's size.

The manifest is read more than once, first to count, then to restore: a million rows in memory would take gigabytes.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from ...errors import ArchiveDamaged, ArchiveTooNew, ConfigurationError, ObjectInArchiveClass
from ...model.checkpoint import Checkpoint
from ...model.manifest import Row, RowKey
from ...model.object_keys import Layout, day_of
from ..committing.inventory import expected_days
from ..ports import Manifest, ObjectStore, Partition, Progress, ProgressListener
from ..resilience.retry import STORE_RETRIES, Sleep
from ..row_filter import RowFilter
from .names import BOTH


@dataclass(frozen=True, slots=True)
class Archived:
    """The archive as it is in the bucket. `checkpoint`: None if it is missing or damaged, which stops no restore. `days`: those
    that have a partition, or should have one, in ascending order.
    """

    layout: Layout
    store: ObjectStore
    manifest: Manifest
    sleep: Sleep
    checkpoint: Checkpoint | None
    days: tuple[date, ...]

    @classmethod
    async def found(cls, store: ObjectStore, manifest: Manifest, layout: Layout, sleep: Sleep) -> Archived:
        """Look at the bucket. Raises ConfigurationError if it has no archive there."""
        stored = await STORE_RETRIES.call(partial(store.get, layout.checkpoint), sleep)
        try:
            checkpoint = Checkpoint.from_json(stored.body) if stored else None
        except ArchiveTooNew:
            raise
        except ArchiveDamaged:
            checkpoint = None
        listed = await STORE_RETRIES.call(manifest.days, sleep)
        if stored is None and not listed:
            raise ConfigurationError(
                f"there is no archive at {layout}",
                hint="check the address; --from takes s3://bucket/prefix of an archive",
            )
        days = {*listed, *(expected_days(checkpoint) if checkpoint else ())}
        return cls(layout, store, manifest, sleep, checkpoint, tuple(sorted(days)))

    async def partitions(self, days: Iterable[date], unreadable: dict[date, str]) -> AsyncIterator[Partition]:
        """Iterate over the partitions of these days. Adds to `unreadable` why one cannot be had. Raises ArchiveTooNew."""
        for day in days:
            try:
                yield await STORE_RETRIES.call(partial(self.manifest.load, day, expected=True), self.sleep)
            except ArchiveTooNew:
                raise
            except (ArchiveDamaged, ObjectInArchiveClass) as error:
                unreadable[day] = error.message


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows: those that `where` holds for (all if it is None), of one rendition or both."""

    where: RowFilter | None = None
    rendition: str = BOTH

    @property
    def is_everything(self) -> bool:
        return self.where is None and self.rendition == BOTH

    async def rows(self, partition: Partition) -> list[Row]:
        found = await self.where.rows(partition) if self.where else partition.rows()
        return [row for row in found if self.rendition in (BOTH, row.rendition)]


@dataclass(slots=True)
class Selected:
    """What the first reading found. `stored`: images in the bucket, `size` bytes in all. `not_stored`: rows whose image never
    was. `days`: with anything to restore, in ascending order. `unreadable`: why the rows of a day cannot be had. `sample`: the
    images that were drawn; None means all.
    """

    stored: int = 0
    size: int = 0
    not_stored: int = 0
    days: list[date] = field(default_factory=list)
    unreadable: dict[date, str] = field(default_factory=dict)
    sample: frozenset[RowKey] | None = None

    def has(self, row: Row) -> bool:
        return is_stored(row) and (self.sample is None or row.key in self.sample)


def is_stored(row: Row) -> bool:
    """Whether the row names an image in the bucket: archived, or lost and perhaps found again."""
    return row.uri is not None


async def select(archived: Archived, choice: Choice, sample: Sample | None, notify: ProgressListener) -> Selected:
    """Read the manifest once, and count what is to be restored."""
    selected = Selected()
    partitions = archived.partitions(archived.days, selected.unreadable)
    number = 0
    async for partition in partitions:
        number += 1
        notify(Progress(done=number, planned=len(archived.days), stage="reading the manifest"))
        if choice.is_everything and sample is None:
            _add_all(selected, partition)
            continue
        rows = await choice.rows(partition)
        stored = [row for row in rows if is_stored(row)]
        selected.not_stored += len(rows) - len(stored)
        if sample:
            for row in stored:
                sample.offer(row)
            continue
        selected.stored += len(stored)
        selected.size += sum(row.bytes or 0 for row in stored)
        if rows:
            selected.days.append(partition.day)
    if sample:
        drawn = sample.drawn
        selected.stored, selected.size = len(drawn), sum(each.size for each in drawn)
        selected.days = sorted({each.day for each in drawn})
        selected.sample = frozenset(each.key for each in drawn)
    return selected


def _add_all(selected: Selected, partition: Partition) -> None:
    """Count all rows by the partition's summary: a hundred times as fast as reading them. `size` lacks lost images."""
    summary = partition.summary()
    selected.stored += summary.images.archived + summary.images.lost
    selected.not_stored += summary.images.failed + summary.images.gone
    selected.size += summary.bytes
    if len(partition):
        selected.days.append(partition.day)


@dataclass(frozen=True, slots=True)
class Drawn:
    """An image that was drawn. `size`: its bytes."""

    key: RowKey
    day: date
    size: int


class Sample:
    """Draws `count` rows while they pass by, in memory for `count`. The same seed draws the same rows of the same archive, in
    whatever order they come.
    """

    def __init__(self, count: int, seed: int) -> None:
        self._count, self._seed = count, seed
        self._heap: list[tuple[int, int, Drawn]] = []
        self._numbers = itertools.count()

    def offer(self, row: Row) -> None:
        text = f"{self._seed}|{row.output_id}|{row.rendition}"
        rank = -int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest(), "big")
        entry = (rank, next(self._numbers), Drawn(row.key, day_of(row.created_at), row.bytes or 0))
        if len(self._heap) < self._count:
            heapq.heappush(self._heap, entry)
        elif rank > self._heap[0][0]:
            heapq.heapreplace(self._heap, entry)

    @property
    def drawn(self) -> list[Drawn]:
        return [each for _, _, each in self._heap]
