"""The registers in the bucket: what is read is what was written, by this program and by other engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from stablecog_provider.adapters.parquet_registers import (
    VERSION_KEY,
    ParquetRegisters,
    read_register,
    schema_of,
    table_bytes,
)
from stablecog_provider.archive.naming.ports import Kind
from stablecog_provider.errors import ArchiveDamaged, ArchiveTooNew, StoreUnavailable
from stablecog_provider.model.model_listing import ListedModel
from stablecog_provider.model.register import MODEL_COLUMNS, SCHEDULER_COLUMNS, Register, observed
from support.scene import LAYOUT, no_sleep

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
listed = st.builds(
    ListedModel,
    st.sampled_from(["a", "b-1", "C_2"]),
    st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=9),
    st.none() | st.booleans(),
    st.none() | st.integers(1, 2**31 - 1),
    st.none() | st.integers(1, 2**31 - 1),
)
histories = st.lists(st.tuples(st.integers(0, 10**9), st.lists(listed, max_size=4)), max_size=4)


def history(found: list[tuple[int, list[ListedModel]]]) -> Register:
    register = Register()
    for microseconds, models in found:
        register = observed(register, models, NOW + timedelta(microseconds=microseconds))
    return register


@given(histories)
def test_a_register_is_read_as_it_was_written(found: list[tuple[int, list[ListedModel]]]) -> None:
    register = history(found)
    assert read_register(Kind.MODELS, table_bytes(Kind.MODELS, register), "it") == register


def test_the_tables_have_the_columns_of_the_contract_for_other_engines(tmp_path: Path) -> None:
    register = history([(0, [ListedModel("a", "Luna", True, 768, 512)]), (5, [ListedModel("b", "Ösel")])])
    for kind, columns in ((Kind.MODELS, MODEL_COLUMNS), (Kind.SCHEDULERS, SCHEDULER_COLUMNS)):
        path = tmp_path / f"{kind}.parquet"
        path.write_bytes(table_bytes(kind, register))
        assert [(each.name, each.nullable) for each in pq.read_schema(path)] == [
            (name, null) for name, _, null in columns
        ]
        with duckdb.connect() as connection:
            names = connection.sql(f"select id, name from '{path}' order by id").fetchall()  # noqa: S608
        assert names == [("a", "Luna"), ("b", "Ösel")]


def damaged(**columns: object) -> bytes:
    table = pq.read_table(pa.BufferReader(table_bytes(Kind.MODELS, history([(0, [ListedModel("a", "Luna")])]))))
    for name, values in columns.items():
        field = table.schema.field(name) if name in table.schema.names else pa.field(name, pa.string())
        column = pa.array([values], field.type)
        at = table.schema.get_field_index(name)
        table = table.append_column(field, column) if at < 0 else table.set_column(at, field, column)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def rewritten(change: dict[bytes, bytes] | None, twice: bool = False) -> bytes:
    table = pq.read_table(pa.BufferReader(table_bytes(Kind.MODELS, history([(0, [ListedModel("a", "Luna")])]))))
    table = pa.concat_tables([table, table]) if twice else table
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(change if change is not None else table.schema.metadata), sink)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"PAR1", table_bytes(Kind.SCHEDULERS, Register()), damaged(note="mine"), damaged(names="{"),
        damaged(names='[{"name": "x"}]'), damaged(names='["x"]'), rewritten({}), rewritten(None, twice=True),
        rewritten({VERSION_KEY: b"one"}),
    ],
)  # fmt: skip
def test_what_another_program_wrote_is_refused_and_named(body: bytes) -> None:
    with pytest.raises(ArchiveDamaged, match=r"s3://b/models\.parquet cannot be read") as caught:
        read_register(Kind.MODELS, body, "s3://b/models.parquet")
    assert "the next run begins it again" in caught.value.hint


def test_a_register_of_a_later_version_is_refused() -> None:
    with pytest.raises(ArchiveTooNew, match="version 2"):
        read_register(Kind.MODELS, rewritten({VERSION_KEY: b"2"}), "it")


def test_flipped_bytes_are_noticed_or_change_nothing() -> None:
    register = history([(0, [ListedModel("a", "Luna"), ListedModel("b", "SDXL")])])
    body = table_bytes(Kind.MODELS, register)
    for at in range(len(body)):
        spoiled = body[:at] + bytes([body[at] ^ 0x55]) + body[at + 1 :]
        try:
            found = read_register(Kind.MODELS, spoiled, "it")
        except (ArchiveDamaged, ArchiveTooNew):
            continue
        assert {key: each.names for key, each in found.entries.items()} == {
            key: each.names for key, each in register.entries.items()
        }, at


async def test_a_lost_race_is_tried_again_on_what_the_winner_wrote() -> None:
    store = MemoryObjectStore()
    mine, other = (ParquetRegisters(store, LAYOUT, sleep=no_sleep) for _ in range(2))
    raced = False

    async def race(call: Call) -> None:
        nonlocal raced
        if call.operation == "put" and not raced:
            raced = True
            await other.update(Kind.MODELS, lambda known: observed(known, [ListedModel("other")], NOW))

    store.before = race
    await mine.update(Kind.MODELS, lambda known: observed(known, [ListedModel("mine")], NOW))
    assert {*(await mine.load(Kind.MODELS)).entries} == {"mine", "other"}


async def test_too_many_lost_races_end_in_an_error_of_ours() -> None:
    store = MemoryObjectStore()
    number = 0

    async def always(call: Call) -> None:
        nonlocal number
        if call.operation == "put":
            number += 1
            held, store.before = store.before, None
            each = ListedModel(f"other{number}")
            await ParquetRegisters(store, LAYOUT).update(Kind.MODELS, lambda known: observed(known, [each], NOW))
            store.before = held

    store.before = always
    with pytest.raises(StoreUnavailable, match="was changed by other runs"):
        await ParquetRegisters(store, LAYOUT, sleep=no_sleep).update(
            Kind.MODELS, lambda known: observed(known, [ListedModel("mine")], NOW)
        )


async def test_nothing_is_written_if_nothing_changed() -> None:
    store = MemoryObjectStore()
    registers = ParquetRegisters(store, LAYOUT)
    for _ in range(2):
        await registers.update(Kind.SCHEDULERS, lambda known: observed(known, [ListedModel("a")], NOW))
    assert store.objects[LAYOUT.register("schedulers")].version == "1"
    assert schema_of(Kind.SCHEDULERS).names == [name for name, _, _ in SCHEDULER_COLUMNS]
