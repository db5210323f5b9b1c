"""Foreign, damaged and older objects in place of a partition: rejected with the reason, or read."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.adapters.parquet_partition import (
    SCHEMA,
    VERSION_KEY,
    ParquetPartition,
    read_partition,
    table_of,
)
from stablecog_provider.errors import ArchiveDamaged
from stablecog_provider.model.manifest import SCHEMA_VERSION
from support.manifests import KEY, TODAY, a_manifest, stored_table
from support.rows import DAY, a_row, minute

CURRENT = str(SCHEMA_VERSION).encode()


def parquet(table: pa.Table, version: bytes | None = CURRENT) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({VERSION_KEY: version} if version else None), sink)
    return bytes(sink.getvalue())


def with_column(name: str, values: pa.Array) -> bytes:
    number = SCHEMA.get_field_index(name)
    return parquet(table_of([a_row()]).set_column(number, name, values))


ONE = table_of([a_row()])
LAST = SCHEMA.names[-1]
NO_TEXT = pa.Array.from_buffers(
    pa.string(), 1, [None, pa.py_buffer(bytes([0, 0, 0, 0, 1, 0, 0, 0])), pa.py_buffer(b"\xff")]
)
DAMAGED = {
    "empty": (b"", "not valid Parquet"),
    "text": (b"hello", "not valid Parquet"),
    "cut": (parquet(ONE)[:-100], "not valid Parquet"),
    "a name that is no text": (parquet(ONE).replace(b"sha256", b"sha25\xb6"), "not valid Parquet .*utf-8"),
    "without version": (parquet(ONE, None), "has no stablecog.schema_version"),
    "odd version": (parquet(ONE, b"one"), "has no stablecog.schema_version"),
    "newer": (
        parquet(ONE, str(SCHEMA_VERSION + 1).encode()),
        f"schema version {SCHEMA_VERSION + 1}, .* -> upgrade",
    ),
    "a column is missing": (parquet(ONE.drop_columns(["sha256"])), "column sha256 is missing"),
    "the last column is missing": (parquet(ONE.drop_columns([LAST])), f"column {LAST} is missing"),
    "older, but a hole": (parquet(ONE.drop_columns(["sha256"]), b"0"), "column sha256 is missing"),
    "older, but too short": (parquet(ONE.select(["output_id"]), b"0"), "column rendition is missing"),
    "twice": (parquet(ONE.append_column("uri", ONE["uri"])), "column uri exists twice"),
    "extra": (
        parquet(ONE.append_column("mine", ONE["uri"])),
        "columns of another program, which a merge would drop: mine",
    ),
    "type": (with_column("bytes", pa.array(["5"])), "column bytes has type string, not int64"),
    "nanoseconds": (
        with_column("verified_at", pa.nulls(1, pa.timestamp("ns", tz="UTC"))),
        "column verified_at has type",
    ),
    "no UTF-8": (with_column("prompt", NO_TEXT), "not valid Parquet .*UTF8"),
    "null": (with_column("raw", pa.nulls(1, pa.string())), "column raw has no value in 1 rows"),
    "state": (with_column("state", pa.array(["mislaid"])), r"column state has unknown values: \['mislaid'\]"),
    "rendition": (with_column("rendition", pa.array(["huge"])), "column rendition has unknown values"),
    "other day": (parquet(table_of([a_row(), a_row("b", created_at=DAY + timedelta(days=1))])), "rows of another day"),
    "duplicates": (parquet(table_of([a_row(), a_row()])), "two rows for the same output"),
}


@pytest.mark.parametrize(("body", "why"), DAMAGED.values(), ids=DAMAGED)
async def test_a_foreign_or_damaged_object_is_named_with_cause_and_next_step(body: bytes, why: str) -> None:
    store = MemoryObjectStore()
    await store.put(KEY, body, content_type="")
    manifest = a_manifest(store)
    with pytest.raises(ArchiveDamaged, match=why) as raised:
        await manifest.load(TODAY)
    assert f"s3://bucket/{KEY}" in raised.value.message
    assert raised.value.hint
    with pytest.raises(ArchiveDamaged, match=why):
        await manifest.merge(TODAY, [a_row("b")])
    assert store.objects[KEY].body == body


@given(st.data())
def test_a_flipped_byte_is_detected_or_harmless(data: st.DataObject) -> None:
    partition = ParquetPartition(TODAY).merged({row.key: row for row in (a_row("a"), a_row("b", prompt="p" * 500))})
    body = bytearray(partition.to_parquet())
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        read = read_partition(TODAY, bytes(body), "it")
    except ArchiveDamaged:
        return
    assert Counter(row.key for row in read.rows()) == Counter(row.key for row in partition.rows())


@pytest.mark.parametrize("newer", [SCHEMA.names[-1:], SCHEMA.names[-5:], SCHEMA.names[-6:]], ids=len)
async def test_an_older_file_gains_the_newer_columns_as_nulls(newer: list[str]) -> None:
    store = MemoryObjectStore()
    row = a_row(attempted_at=minute(3), earlier_images="[]")
    nothing: dict[str, Any] = dict.fromkeys(newer)
    old = table_of([row]).drop_columns(newer)
    await store.put(KEY, parquet(old, b"1"), content_type="")
    manifest = a_manifest(store)
    assert (await manifest.load(TODAY)).get(row.key) == replace(row, **nothing)
    await manifest.merge(TODAY, [a_row("b")])
    table = stored_table(store)
    assert table.schema.names == SCHEMA.names
    assert table.schema.metadata[VERSION_KEY] == CURRENT


async def test_columns_in_another_order_are_the_same_table() -> None:
    store = MemoryObjectStore()
    await store.put(KEY, parquet(ONE.select(list(reversed(SCHEMA.names)))), content_type="")
    assert (await a_manifest(store).load(TODAY)).get(a_row().key) == a_row()
