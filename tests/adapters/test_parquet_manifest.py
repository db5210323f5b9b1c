"""Merged rows are loaded again, sorted and unique, and a merge that changes nothing writes nothing."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.adapters.parquet_manifest import OFF_LOOP_BYTES, OFF_LOOP_ROWS
from stablecog_provider.archive.ports import Manifest, Partition
from stablecog_provider.model.manifest import State
from stablecog_provider.model.partition_summary import PartitionSummary
from support.manifests import KEY, LAYOUT, TODAY, a_manifest, by_key
from support.rows import DAY, a_row, minute


async def test_the_ports_are_fulfilled() -> None:
    manifest: Manifest = a_manifest(MemoryObjectStore())
    partition: Partition = await manifest.load(TODAY)
    assert (partition.day, len(partition), list(partition.rows())) == (TODAY, 0, [])
    assert (partition.get(("a", "original")), partition.live_ids(), partition.live_count()) == (None, set(), 0)
    assert partition.summary() == PartitionSummary()


async def test_what_is_merged_is_loaded_again() -> None:
    manifest = a_manifest(MemoryObjectStore())
    written = [a_row("b", prompt="é\0😀", seed=-(2**63)), a_row("a", rendition="upscaled"), a_row("a")]
    merged = await manifest.merge(TODAY, written)
    loaded = await manifest.load(TODAY)
    assert by_key(merged) == by_key(loaded) == {row.key: row for row in written}
    assert loaded.get(("b", "original")) == written[0]
    assert loaded.get(("B", "original")) is None
    assert await manifest.days() == [TODAY]


async def test_rows_are_sorted_by_time_output_and_rendition() -> None:
    manifest = a_manifest(MemoryObjectStore())
    await manifest.merge(TODAY, [a_row("b"), a_row("a", rendition="upscaled"), a_row("c", created_at=minute(1))])
    await manifest.merge(TODAY, [a_row("a"), a_row("z", created_at=DAY)])
    found = [(row.output_id, row.rendition) for row in (await manifest.load(TODAY)).rows()]
    assert found == [("a", "original"), ("a", "upscaled"), ("b", "original"), ("z", "original"), ("c", "original")]


async def test_merging_again_writes_nothing() -> None:
    store = MemoryObjectStore()
    manifest = a_manifest(store)
    again = [a_row("a", guidance_scale=7.5, last_seen_at=minute(1)), a_row("b", error="x", state=State.FAILED)]
    await manifest.merge(TODAY, again)
    version = store.objects[KEY].version
    await manifest.merge(TODAY, again)
    await manifest.merge(TODAY, [replace(again[0], prompt="older", last_seen_at=minute(0))])
    await manifest.merge(TODAY, [])
    assert store.objects[KEY].version == version


async def test_nothing_is_written_for_a_day_without_rows() -> None:
    store = MemoryObjectStore()
    await a_manifest(store).merge(TODAY, [])
    assert store.objects == {}


@pytest.mark.parametrize("created_at", [DAY - timedelta(microseconds=1), DAY + timedelta(days=1)])
async def test_a_row_of_another_day_is_a_programming_error(created_at: Any) -> None:
    with pytest.raises(ValueError, match="does not belong"):
        await a_manifest(MemoryObjectStore()).merge(TODAY, [a_row(created_at=created_at)])


async def test_days_are_those_of_partitions_only() -> None:
    store = MemoryObjectStore()
    for key in (
        LAYOUT.partition(date(2026, 11, 22)),
        LAYOUT.partition(TODAY),
        "archive/manifest/dt=2026-11-23/other.parquet",
        "archive/manifest/dt=2026-13-01/manifest.parquet",
        "manifest/dt=2026-11-24/manifest.parquet",
    ):
        await store.put(key, b"", content_type="")
    assert await a_manifest(store).days() == [TODAY, date(2026, 11, 22)]


class CountingExecutor(ThreadPoolExecutor):
    """Records the names of the functions that run off the event loop."""

    def __init__(self) -> None:
        super().__init__(1)
        self.ran: list[str] = []

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Any:
        self.ran.append(function.args[0].__name__)  # asyncio.to_thread wraps it in a partial of Context.run
        return super().submit(function, *arguments, **named)


async def test_big_merges_and_loads_leave_the_loop_free() -> None:
    store, executor, random = MemoryObjectStore(), CountingExecutor(), Random(5)
    asyncio.get_running_loop().set_default_executor(executor)
    manifest = a_manifest(store)
    many = [a_row(f"id-{number}", raw=random.randbytes(300).hex()) for number in range(OFF_LOOP_ROWS)]
    await manifest.merge(TODAY, many[:1])
    assert executor.ran == []
    merged = await manifest.merge(TODAY, many)
    assert executor.ran == ["merged", "to_parquet"]
    assert len(store.objects[KEY].body) >= OFF_LOOP_BYTES
    loaded = await manifest.load(TODAY)
    assert executor.ran == ["merged", "to_parquet", "read_partition"]
    assert by_key(merged) == by_key(loaded) == {row.key: row for row in many}
