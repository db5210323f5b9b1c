"""A manifest over a store in memory, and the result that the model alone expects."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import reduce

import pyarrow as pa
import pyarrow.parquet as pq

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.adapters.parquet_manifest import WRITE_RETRIES, ParquetManifest
from stablecog_provider.archive.ports import Partition
from stablecog_provider.model.manifest import Row, RowKey
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.row_lifecycle import merge_rows
from support.rows import DAY

TODAY = DAY.date()
LAYOUT = Layout("bucket", "archive")
KEY = LAYOUT.partition(TODAY)


class Pauses:
    """Replaces asyncio.sleep: records the requested seconds and lets other tasks run."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0)


def a_manifest(store: MemoryObjectStore, pauses: Pauses | None = None) -> ParquetManifest:
    return ParquetManifest(store, LAYOUT, retries=replace(WRITE_RETRIES, jitter=0.0), sleep=pauses or Pauses())


def together(many: list[Row]) -> dict[RowKey, Row]:
    """Merge all rows at once, by the model alone."""
    by_key: dict[RowKey, list[Row]] = {}
    for row in many:
        by_key.setdefault(row.key, []).append(row)
    return {key: reduce(merge_rows, found) for key, found in by_key.items()}


def by_key(partition: Partition) -> dict[RowKey, Row]:
    found = list(partition.rows())
    assert len({row.key for row in found}) == len(found) == len(partition)
    return {row.key: row for row in found}


def stored_table(store: MemoryObjectStore) -> pa.Table:
    return pq.ParquetFile(pa.BufferReader(store.objects[KEY].body)).read()
