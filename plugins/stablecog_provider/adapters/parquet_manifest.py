"""The manifest as Parquet in an object store: one object per UTC day, replaced as a whole by compare-and-swap."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TypeVar

from ..archive.committing.inventory import missing_partitions
from ..archive.ports import Absent, Base, Condition, Conflict, ObjectStore, Stored, Unchanged
from ..archive.resilience.retry import RetryPolicy, Sleep
from ..errors import ArchiveDamaged, StoreUnavailable
from ..model.manifest import Row, RowKey
from ..model.object_keys import Layout, day_of
from ..model.partition_summary import RowChanges
from ..model.row_lifecycle import merge_rows
from .parquet_partition import ParquetPartition, read_partition

CONTENT_TYPE = "application/vnd.apache.parquet"
MAX_LOST_RACES = 20
MAX_UNKNOWN_OUTCOMES = 3
WRITE_RETRIES = RetryPolicy(
    attempts=MAX_UNKNOWN_OUTCOMES,
    refusals=MAX_LOST_RACES,
    refusal=Conflict,
    patience=math.inf,
    first_wait=0.1,
    longest_wait=5.0,
    on=(Conflict, StoreUnavailable),
)
"""A lost race is not an attempt: it costs one more read and write of the partition."""
OFF_LOOP_ROWS, OFF_LOOP_BYTES = 2_000, 500_000
"""From these sizes on, merging and reading run in a thread: they take about 50 ms, which would block the transfers."""

T = TypeVar("T")


@dataclass(slots=True)
class _Written:
    """What was last put, and what it replaces. The outcome may be unknown, or a repeated request may be refused
    because the first one landed: then these bytes are in the bucket already.
    """

    body: bytes | None = None
    base: Base = Base()
    rows: RowChanges = RowChanges()


class ParquetManifest:
    """Port `Manifest`. Tests replace `retries` and `sleep` (seconds)."""

    def __init__(
        self,
        store: ObjectStore,
        layout: Layout,
        *,
        retries: RetryPolicy = WRITE_RETRIES,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._store = store
        self._layout = layout
        self._retries = retries
        self._sleep = sleep

    async def load(self, day: date, *, expected: bool = False) -> ParquetPartition:
        """Read the day's partition. Raises ArchiveDamaged if the object is not a partition of this archive, or is missing though
        it is `expected`.
        """
        return await self._read(day, await self._stored(day, expected=expected))

    async def days(self) -> list[date]:
        """Return all days that have a partition, in ascending order."""
        return list(await self.versions())

    async def versions(self) -> dict[date, str]:
        """Return the days of `days` with the version of each partition's object."""
        listed = {
            day: _bare(item.version)
            async for item in self._store.list(self._layout.manifest)
            if (day := self._layout.parse_partition(item.key)) is not None
        }
        return dict(sorted(listed.items()))

    async def merge(
        self, day: date, rows: Iterable[Row], *, expected: bool = False, run_id: str = ""
    ) -> ParquetPartition:
        """Merge the rows into the day's partition. Raises ValueError if a row belongs to another day."""
        pending = _by_key(day, rows)

        def merged(partition: ParquetPartition) -> ParquetPartition:
            return partition.merged(pending)

        return await self._replace(day, merged, len(pending), run_id, expected=expected)

    async def amend(self, day: date, change: Callable[[Row], Row], *, run_id: str = "") -> ParquetPartition:
        """Replace each row of the day with `change(row)`. Raises ArchiveDamaged if there is no partition."""

        def amended(partition: ParquetPartition) -> ParquetPartition:
            return partition.amended(change)

        return await self._replace(day, amended, 0, run_id, expected=True)

    async def set_aside(self, day: date, key: str, *, run_id: str = "") -> ParquetPartition:
        """Copy an unreadable partition to `key` and write an empty one in its place."""
        stored = await self._store.get(self._layout.partition(day))
        try:
            return await self._read(day, stored)
        except ArchiveDamaged:
            if stored is None:
                raise
        await self._store.put(key, stored.body, content_type=CONTENT_TYPE)
        empty, written = ParquetPartition(day, run_id=run_id), _Written()
        try:
            return await self._write(empty, Unchanged(stored.version), Base(_bare(stored.version)), written)
        except Conflict:
            found = await self._store.get(self._layout.partition(day))
            if found is not None and found.body == written.body:
                return await self._read(day, found)
            raise StoreUnavailable(
                f"{self._uri(day)} was changed by another run while it was being set aside"
            ) from None

    async def _replace(
        self,
        day: date,
        change: Callable[[ParquetPartition], ParquetPartition],
        weight: int,
        run_id: str,
        *,
        expected: bool,
    ) -> ParquetPartition:
        """Replace the partition with `change(partition)` by compare-and-swap. `weight`: how many rows `change` adds at most.

        After a write of unknown outcome, the next attempt reads first; if the write landed, nothing is left to write.
        """
        try:
            once = partial(self._replace_once, day, change, weight, run_id, _Written(), expected=expected)
            return await self._retries.call(once, self._sleep)
        except Conflict:
            raise StoreUnavailable(
                f"{self._uri(day)} was changed by other runs {self._retries.refusals} times while this run tried to write it"
            ) from None

    async def _replace_once(
        self,
        day: date,
        change: Callable[[ParquetPartition], ParquetPartition],
        weight: int,
        run_id: str,
        written: _Written,
        *,
        expected: bool,
    ) -> ParquetPartition:
        stored = await self._stored(day, expected=expected)
        partition = await self._read(day, stored)
        if stored is not None and stored.body == written.body:
            partition.base, partition.written = written.base, written.rows
        changed = await _called(change, partition, off_loop=len(partition) + weight >= OFF_LOOP_ROWS)
        if changed is partition:
            return partition
        changed.run_id = run_id
        return await self._write(changed, Unchanged(stored.version) if stored else Absent(), partition.base, written)

    async def _write(
        self, partition: ParquetPartition, condition: Condition, base: Base, written: _Written
    ) -> ParquetPartition:
        body = await _called(partition.to_parquet, off_loop=len(partition) >= OFF_LOOP_ROWS)
        key = self._layout.partition(partition.day)
        written.body, written.base, written.rows = body, base, partition.written
        version = await self._store.put(key, body, content_type=CONTENT_TYPE, condition=condition)
        partition.version, partition.base = _bare(version), base
        return partition

    async def _stored(self, day: date, *, expected: bool) -> Stored | None:
        stored = await self._store.get(self._layout.partition(day))
        if stored is None and expected:
            # Seen with some stores: one 404 for an object that is there.
            stored = await self._store.get(self._layout.partition(day))
            if stored is None:
                raise missing_partitions(self._layout, [day])
        return stored

    async def _read(self, day: date, stored: Stored | None) -> ParquetPartition:
        if stored is None:
            return ParquetPartition(day)
        big = len(stored.body) >= OFF_LOOP_BYTES
        partition = await _called(read_partition, day, stored.body, self._uri(day), off_loop=big)
        partition.version = _bare(stored.version)
        partition.base = Base(partition.version, partition.run_id)
        return partition

    def _uri(self, day: date) -> str:
        return self._layout.uri(self._layout.partition(day))


def _by_key(day: date, rows: Iterable[Row]) -> dict[RowKey, Row]:
    pending: dict[RowKey, Row] = {}
    for row in rows:
        if day_of(row.created_at) != day:
            raise ValueError(f"row {row.key} of {row.created_at} does not belong to {day}")
        known = pending.get(row.key)
        pending[row.key] = merge_rows(known, row) if known else row
    return pending


def _bare(version: str) -> str:
    """Some servers quote an ETag in responses but not in listings."""
    return version.strip('"')


async def _called(function: Callable[..., T], *arguments: object, off_loop: bool) -> T:
    return await asyncio.to_thread(function, *arguments) if off_loop else function(*arguments)
