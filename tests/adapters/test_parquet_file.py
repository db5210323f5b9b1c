"""The file of a partition, as other engines read it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.adapters.parquet_partition import SCHEMA, VERSION_KEY
from stablecog_provider.model.manifest import COLUMNS, SCHEMA_VERSION
from support.manifests import TODAY, a_manifest
from support.rows import DAY, a_row, minute


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


def test_the_file_records_its_schema_version_and_order(archive: Path) -> None:
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
