from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from functools import reduce
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.rows import DAY, a_row, minute, rows
from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from stablecog_provider.adapters.parquet_manifest import (
    MAX_LOST_RACES,
    MAX_UNKNOWN_OUTCOMES,
    OFF_LOOP_BYTES,
    OFF_LOOP_ROWS,
    ParquetManifest,
)
from stablecog_provider.adapters.parquet_partition import (
    BLOCK,
    KEPT_BLOCKS,
    SCHEMA,
    VERSION_KEY,
    ParquetPartition,
    read_partition,
    table_of,
)
from stablecog_provider.archive.ports import Conflict, Manifest, Partition
from stablecog_provider.errors import ArchiveDamaged, StoreUnavailable
from stablecog_provider.model.coverage import Window
from stablecog_provider.model.manifest import (
    COLUMNS,
    SCHEMA_VERSION,
    Row,
    RowKey,
    State,
    is_live,
    merge_rows,
    retry_due,
)
from stablecog_provider.model.object_keys import Layout

TODAY = DAY.date()
LAYOUT = Layout("bucket", "archive")
KEY = LAYOUT.partition(TODAY)


class Pauses:
    """Stands in for asyncio.sleep: remembers how long it was asked to wait, and lets others run."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0)


def a_manifest(store: MemoryObjectStore, pauses: Pauses | None = None) -> ParquetManifest:
    return ParquetManifest(store, LAYOUT, sleep=pauses or Pauses(), jitter=lambda: 1.0)


def together(many: list[Row]) -> dict[RowKey, Row]:
    """What merging all rows at once gives, by the model alone."""
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


async def test_the_ports_are_fulfilled() -> None:
    manifest: Manifest = a_manifest(MemoryObjectStore())
    partition: Partition = await manifest.load(TODAY)
    assert (partition.day, len(partition), list(partition.rows())) == (TODAY, 0, [])
    assert (partition.get(("a", "original")), partition.live_ids(), partition.live_count()) == (None, set(), 0)
    assert partition.next_retry() is None


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
    """What runs off the event loop, by name."""

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


# --- other writers, and stores that fail ---------------------------------------------------------------------------------


class Faults:
    """A hook that raises, at the puts it is told to (counted from 0)."""

    def __init__(self, error: Callable[[], Exception], at: range) -> None:
        self.error, self.at, self.puts = error, at, 0

    def __call__(self, call: Call) -> None:
        if call.operation == "put":
            self.puts += 1
            if self.puts - 1 in self.at:
                raise self.error()


def unavailable(retry_after: float | None = None) -> Exception:
    return StoreUnavailable("the store hung", retry_after=retry_after)


async def test_a_lost_race_is_run_again_over_what_the_winner_wrote() -> None:
    store = MemoryObjectStore()
    one, other = a_manifest(store), a_manifest(store)
    await asyncio.gather(*(manifest.merge(TODAY, [a_row(name)]) for manifest, name in ((one, "a"), (other, "b"))))
    assert (await one.load(TODAY)).live_ids() == {"a", "b"}


async def test_losing_every_race_is_said_in_the_end() -> None:
    store = MemoryObjectStore(before=Faults(lambda: Conflict(KEY), range(1_000)))
    pauses = Pauses()
    with pytest.raises(StoreUnavailable, match=f"s3://bucket/{KEY} was changed by others {MAX_LOST_RACES} times"):
        await a_manifest(store, pauses).merge(TODAY, [a_row()])
    assert len(pauses.asked) == MAX_LOST_RACES - 1
    assert pauses.asked == sorted(pauses.asked)
    assert max(pauses.asked) == 5.0


@pytest.mark.parametrize("landed", [True, False])
async def test_after_an_unknown_outcome_it_looks_before_it_writes(landed: bool) -> None:
    faults = Faults(unavailable, range(1))
    store = MemoryObjectStore(after=faults) if landed else MemoryObjectStore(before=faults)
    merged = await a_manifest(store).merge(TODAY, [a_row()])
    assert merged.live_ids() == {"a"}
    assert faults.puts == (1 if landed else 2)
    assert stored_table(store).num_rows == 1


async def test_a_store_that_stays_away_is_reported() -> None:
    faults, pauses = Faults(lambda: unavailable(9.0), range(1_000)), Pauses()
    with pytest.raises(StoreUnavailable, match="the store hung"):
        await a_manifest(MemoryObjectStore(before=faults), pauses).merge(TODAY, [a_row()])
    assert faults.puts == MAX_UNKNOWN_OUTCOMES
    assert len(pauses.asked) == MAX_UNKNOWN_OUTCOMES - 1
    assert min(pauses.asked) > 9.0


FAULTS = st.lists(st.sampled_from([None, None, "lost", "landed", "conflict"]), max_size=12)


@given(
    writers=st.lists(st.lists(st.lists(rows(), max_size=4), max_size=3), min_size=1, max_size=3),
    faults=FAULTS,
    turns=st.lists(st.integers(0, 3), max_size=20),
)
def test_any_interleaving_of_writers_ends_in_the_same_table(
    writers: list[list[list[Row]]], faults: list[str | None], turns: list[int]
) -> None:
    before, after = iter(faults), iter(turns)
    landed: set[int] = set()

    async def fail_before(call: Call) -> None:
        for _ in range(next(after, 0)):
            await asyncio.sleep(0)
        fault = next(before, None) if call.operation == "put" else None
        if fault == "lost":
            raise unavailable()
        if fault == "conflict":
            raise Conflict(call.key)
        if fault == "landed":
            landed.add(id(asyncio.current_task()))

    def fail_after(call: Call) -> None:
        if call.operation == "put" and id(asyncio.current_task()) in landed:
            landed.discard(id(asyncio.current_task()))
            raise unavailable()

    store = MemoryObjectStore(before=fail_before, after=fail_after)

    async def write(batches: list[list[Row]]) -> None:
        manifest = a_manifest(store)
        for batch in batches:
            while True:  # as a later run would
                try:
                    await manifest.merge(TODAY, batch)
                    break
                except StoreUnavailable:
                    continue

    async def run() -> Partition:
        await asyncio.gather(*map(write, writers))
        return await a_manifest(store).load(TODAY)

    everything = [row for batches in writers for batch in batches for row in batch]
    assert by_key(asyncio.run(run())) == together(everything)


# --- a partition against the model's own words ---------------------------------------------------------------------------


@given(st.lists(rows(st.sampled_from("abcdefgh")), max_size=12).map(together), st.integers(0, 6), st.integers(0, 6))
def test_what_a_partition_says_is_what_its_rows_say(found: dict[RowKey, Row], one: int, other: int) -> None:
    partition = ParquetPartition(TODAY).merged(found)
    assert by_key(partition) == found
    live = [row for row in found.values() if is_live(row)]
    assert partition.live_count() == len(live)
    assert partition.live_ids() == {row.output_id for row in live}
    within = Window(minute(min(one, other)), minute(max(one, other) + 1))
    inside = [row for row in live if row.created_at in within]
    assert partition.live_count(within) == len(inside)
    assert partition.live_ids(within) == {row.output_id for row in inside}
    assert partition.next_retry() == min(filter(None, map(retry_due, found.values())), default=None)


@given(st.lists(rows(st.sampled_from("abcdefgh")), max_size=12).map(together))
def test_a_partition_survives_its_file(found: dict[RowKey, Row]) -> None:
    partition = ParquetPartition(TODAY).merged(found)
    again = read_partition(TODAY, partition.to_parquet(), "it")
    assert again.table.equals(partition.table)
    assert again.to_parquet() == partition.to_parquet()


def test_every_row_of_a_long_partition_is_found() -> None:
    many = [a_row(f"id-{number}", created_at=minute(number % 1_000)) for number in range(BLOCK * (KEPT_BLOCKS + 2) + 1)]
    partition = ParquetPartition(TODAY).merged({row.key: row for row in many})
    assert all(partition.get(row.key) == row for row in many)
    assert sorted(partition.rows(), key=lambda row: row.key) == sorted(many, key=lambda row: row.key)


# --- the file, as other engines see it -----------------------------------------------------------------------------------


@pytest.fixture
async def archive(tmp_path: Path) -> Path:
    store = MemoryObjectStore()
    manifest = a_manifest(store)
    tomorrow = DAY + timedelta(days=1, microseconds=5)
    await manifest.merge(TODAY, [a_row("a", bytes=5, prompt="é"), a_row("b", deleted_at=minute(1))])
    await manifest.merge(tomorrow.date(), [a_row("c", created_at=tomorrow, guidance_scale=7.5, seed=2**63 - 1)])
    for key, stored in store.objects.items():
        assert stored.content_type == "application/vnd.apache.parquet"
        path = tmp_path / key
        path.parent.mkdir(parents=True)
        path.write_bytes(stored.body)
    return tmp_path / "archive" / "manifest"


def test_duckdb_reads_the_partitions_as_one_table(archive: Path) -> None:
    with duckdb.connect() as connection:
        source = f"read_parquet('{archive}/*/manifest.parquet', hive_partitioning=true)"
        described = connection.sql(f"describe select * from {source}").fetchall()  # noqa: S608
        kinds = {
            "string": "VARCHAR", "timestamp[us, UTC]": "TIMESTAMP WITH TIME ZONE", "int32": "INTEGER", "int64": "BIGINT",
            "float64": "DOUBLE", "bool": "BOOLEAN",
        }  # fmt: skip
        expected = [(name, kinds[kind]) for name, kind, _ in COLUMNS]
        assert [(name, kind) for name, kind, *_ in described] == [*expected, ("dt", "DATE")]
        explicit = ", ".join(name for name, _, _ in COLUMNS)
        selected = connection.sql(f"select {explicit}, dt from {source} order by output_id").fetchall()  # noqa: S608
        assert [(found[0], found[-1]) for found in selected] == [
            ("a", TODAY),
            ("b", TODAY),
            ("c", TODAY + timedelta(days=1)),
        ]
        (found,) = connection.sql(
            f"select epoch_us(created_at), seed, guidance_scale from {source} where dt = '2026-11-22'"  # noqa: S608
        ).fetchall()
        assert found == (int(DAY.timestamp() * 1e6) + 86_400_000_005, 2**63 - 1, 7.5)


def test_arrow_datasets_read_the_partitions_as_one_table(archive: Path) -> None:
    dataset = ds.dataset(archive, partitioning="hive", format="parquet")
    assert dataset.schema.names == [*SCHEMA.names, "dt"]
    for field in SCHEMA:
        assert dataset.schema.field(field.name).type == field.type
    table = dataset.to_table(columns=["output_id", "created_at"], filter=ds.field("dt") == "2026-11-22")
    assert table["output_id"].to_pylist() == ["c"]
    assert table.schema.field("created_at").type == pa.timestamp("us", tz="UTC")


def test_the_file_says_how_it_was_made(archive: Path) -> None:
    metadata = pq.read_metadata(archive / "dt=2026-11-21" / "manifest.parquet")
    assert metadata.metadata[VERSION_KEY] == str(SCHEMA_VERSION).encode()
    assert [item.column_index for item in metadata.row_group(0).sorting_columns] == [3, 0, 1]
    for number, (name, _, nullable) in enumerate(COLUMNS):
        column = metadata.row_group(0).column(number)
        assert (column.path_in_schema, column.compression, column.has_offset_index) == (name, "ZSTD", True)
        assert (metadata.schema.column(number).max_definition_level == 1) == nullable
    assert metadata.row_group(0).column(0).statistics.max == "b"
    assert "dt" not in metadata.schema.names


def test_the_schema_is_that_of_the_model() -> None:
    assert [(field.name, str(field.type), field.nullable) for field in SCHEMA] == [
        (name, {"timestamp[us, UTC]": "timestamp[us, tz=UTC]", "float64": "double"}.get(kind, kind), nullable)
        for name, kind, nullable in COLUMNS
    ]


# --- foreign and damaged objects -----------------------------------------------------------------------------------------


def parquet(table: pa.Table, version: bytes | None = b"1") -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({VERSION_KEY: version} if version else None), sink)
    return bytes(sink.getvalue())


def with_column(name: str, values: pa.Array) -> bytes:
    number = SCHEMA.get_field_index(name)
    return parquet(table_of([a_row()]).set_column(number, name, values))


ONE = table_of([a_row()])
NO_TEXT = pa.Array.from_buffers(
    pa.string(), 1, [None, pa.py_buffer(bytes([0, 0, 0, 0, 1, 0, 0, 0])), pa.py_buffer(b"\xff")]
)
DAMAGED = {
    "empty": (b"", "cannot be read as Parquet"),
    "text": (b"hello", "cannot be read as Parquet"),
    "cut": (parquet(ONE)[:-100], "cannot be read as Parquet"),
    "without version": (parquet(ONE, None), "has no stablecog.schema_version"),
    "odd version": (parquet(ONE, b"one"), "has no stablecog.schema_version"),
    "newer": (parquet(ONE, b"2"), "schema version 2, .* -> upgrade"),
    "a column is missing": (parquet(ONE.drop_columns(["sha256"])), "column sha256 is missing"),
    "the last column is missing": (parquet(ONE.drop_columns(["attempted_at"])), "column attempted_at is missing"),
    "older, but a hole": (parquet(ONE.drop_columns(["sha256"]), b"0"), "column sha256 is missing"),
    "older, but too short": (parquet(ONE.select(["output_id"]), b"0"), "column rendition is missing"),
    "twice": (parquet(ONE.append_column("uri", ONE["uri"])), "column uri is there twice"),
    "extra": (parquet(ONE.append_column("mine", ONE["uri"])), "not the archive's, and a merge would lose them: mine"),
    "type": (with_column("bytes", pa.array(["5"])), "column bytes has type string, not int64"),
    "nanoseconds": (
        with_column("verified_at", pa.nulls(1, pa.timestamp("ns", tz="UTC"))),
        "column verified_at has type",
    ),
    "no UTF-8": (with_column("prompt", NO_TEXT), "cannot be read as Parquet .*UTF8"),
    "null": (with_column("raw", pa.nulls(1, pa.string())), "column raw has no value in 1 rows"),
    "state": (with_column("state", pa.array(["lost"])), r"column state has unknown values: \['lost'\]"),
    "rendition": (with_column("rendition", pa.array(["huge"])), "column rendition has unknown values"),
    "other day": (parquet(table_of([a_row(), a_row("b", created_at=DAY + timedelta(days=1))])), "rows of another day"),
    "duplicates": (parquet(table_of([a_row(), a_row()])), "two rows of the same output"),
}


@pytest.mark.parametrize(("body", "why"), DAMAGED.values(), ids=DAMAGED)
async def test_a_foreign_or_damaged_object_is_named_with_cause_and_way_out(body: bytes, why: str) -> None:
    store = MemoryObjectStore()
    await store.put(KEY, body, content_type="")
    manifest = a_manifest(store)
    with pytest.raises(ArchiveDamaged, match=why) as raised:
        await manifest.load(TODAY)
    assert f"s3://bucket/{KEY}" in raised.value.message
    assert raised.value.way_out
    with pytest.raises(ArchiveDamaged, match=why):
        await manifest.merge(TODAY, [a_row("b")])
    assert store.objects[KEY].body == body


@given(st.data())
def test_a_flipped_byte_is_noticed_or_harmless(data: st.DataObject) -> None:
    partition = ParquetPartition(TODAY).merged({row.key: row for row in (a_row("a"), a_row("b", prompt="p" * 500))})
    body = bytearray(partition.to_parquet())
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        read = read_partition(TODAY, bytes(body), "it")
    except ArchiveDamaged:
        return
    assert Counter(row.key for row in read.rows()) == Counter(row.key for row in partition.rows())


async def test_an_older_file_gains_the_newer_columns_as_nulls() -> None:
    store = MemoryObjectStore()
    row = a_row(attempted_at=minute(3))
    old = table_of([row]).drop_columns(["attempted_at"])
    await store.put(KEY, parquet(old, b"0"), content_type="")
    manifest = a_manifest(store)
    assert (await manifest.load(TODAY)).get(row.key) == replace(row, attempted_at=None)
    await manifest.merge(TODAY, [a_row("b")])
    table = stored_table(store)
    assert table.schema.names == SCHEMA.names
    assert table.schema.metadata[VERSION_KEY] == str(SCHEMA_VERSION).encode()


async def test_columns_in_another_order_are_the_same_table() -> None:
    store = MemoryObjectStore()
    await store.put(KEY, parquet(ONE.select(list(reversed(SCHEMA.names)))), content_type="")
    assert (await a_manifest(store).load(TODAY)).get(a_row().key) == a_row()
