"""The Iceberg table over a SQL catalogue, with its files on a real S3 server, read back by DuckDB."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.catalog import load_catalog
from pyiceberg.table import Table

from dev.local.s3_server import S3Server
from stablecog_provider.adapters import iceberg_table
from stablecog_provider.adapters.iceberg_table import OWN_SCHEMA, PUBLISHED, IcebergTable
from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.adapters.parquet_partition import SCHEMA
from stablecog_provider.archive import publish as use_case
from stablecog_provider.archive.ports import Conflict
from stablecog_provider.errors import ConfigurationError, StoreUnavailable
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.row_lifecycle import forgotten
from support.published import Keys, an_archive, keys_of, published, rows_of
from support.rows import DAY
from support.scene import LAYOUT
from support.servers import BUCKET

TODAY = DAY.date()
SECRET = "a prompt that nobody may read"


@dataclass
class Lake:
    """A catalogue of its own, and the bucket of its files."""

    server: S3Server
    properties: dict[str, str]
    prefix: str

    def table(self, layout: Layout = LAYOUT) -> IcebergTable:
        return IcebergTable(layout, "test", "db.outputs", **self.properties)

    def loaded(self) -> Table:
        return load_catalog("test", **self.properties).load_table("db.outputs")

    def keys(self) -> Keys:
        with duckdb.connect() as connection:
            connection.register("outputs", self.loaded().scan().to_arrow())
            query = "select cast(dt as varchar), output_id, rendition, state from outputs order by all"
            return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query).fetchall()]

    def bodies(self) -> Iterator[tuple[str, bytes]]:
        client = self.server.client()
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=self.prefix):
            for item in page.get("Contents", ()):
                yield item["Key"], client.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()


@pytest.fixture
def lake(tmp_path: Path, seaweedfs_server: S3Server) -> Lake:
    prefix = f"warehouse-{uuid.uuid4().hex[:8]}"
    properties = {
        "type": "sql", "uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": f"s3://{BUCKET}/{prefix}",
        "s3.endpoint": seaweedfs_server.endpoint, "s3.access-key-id": seaweedfs_server.access_key,
        "s3.secret-access-key": seaweedfs_server.secret_key, "s3.region": "us-east-1",
    }  # fmt: skip
    return Lake(seaweedfs_server, properties, prefix)


async def test_it_holds_the_manifest_and_nothing_is_written_twice(lake: Lake) -> None:
    store = MemoryObjectStore()
    manifest = await an_archive(store, LAYOUT)
    await published(store, LAYOUT, lake.table())
    assert lake.keys() == await keys_of(manifest)
    snapshots = len(lake.loaded().metadata.snapshots)
    assert (await published(store, LAYOUT, lake.table())).commits == 0
    assert len(lake.loaded().metadata.snapshots) == snapshots
    await manifest.merge(TODAY, rows_of(0, 9))
    assert (await published(store, LAYOUT, lake.table())).days == (TODAY,)
    assert lake.keys() == await keys_of(manifest)


async def test_values_are_those_of_the_manifest(lake: Lake) -> None:
    store = MemoryObjectStore()
    manifest = await an_archive(store, LAYOUT, days=1, rows=0)
    await manifest.merge(TODAY, rows_of(0, 2, prompt="🦊\0 灯台", seed=2**63 - 1, guidance_scale=7.5))
    await published(store, LAYOUT, lake.table())
    found = lake.loaded().scan().to_arrow().drop_columns("dt").sort_by("created_at")
    expected = (await manifest.load(TODAY)).table
    assert found.cast(pa.schema(SCHEMA, metadata=None)).to_pylist() == expected.to_pylist()


async def test_a_snapshot_names_what_was_published(lake: Lake) -> None:
    store = MemoryObjectStore()
    manifest = await an_archive(store, LAYOUT)
    await published(store, LAYOUT, lake.table())
    summary = lake.loaded().current_snapshot().summary.additional_properties  # type: ignore[union-attr]
    versions = {str(day): version for day, version in (await manifest.versions()).items()}
    assert summary[iceberg_table.PARTITIONS] == iceberg_table._document(await manifest.versions())
    assert lake.loaded().properties[PUBLISHED].count(":") >= len(versions)


async def test_two_at_once_cannot_overwrite_each_other(lake: Lake) -> None:
    store = MemoryObjectStore()
    manifest = await an_archive(store, LAYOUT)
    slow, quick = lake.table(), lake.table()
    await published(store, LAYOUT, quick)
    await slow.published()
    earlier = await manifest.load(TODAY)
    await manifest.merge(TODAY, rows_of(0, 9))
    await published(store, LAYOUT, quick)
    with pytest.raises(Conflict):
        await slow.replace([earlier], forgotten=False)
    await published(store, LAYOUT, slow)
    assert lake.keys() == await keys_of(manifest)


async def test_a_table_that_others_changed_is_published_again(lake: Lake) -> None:
    store = MemoryObjectStore()
    manifest = await an_archive(store, LAYOUT)
    await published(store, LAYOUT, lake.table())
    lake.loaded().delete("output_id = '0-1'")
    assert len(lake.keys()) == 11
    assert len((await published(store, LAYOUT, lake.table())).days) == 3
    assert lake.keys() == await keys_of(manifest)


async def test_new_columns_are_added(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryObjectStore()
    manifest = await an_archive(store, LAYOUT)
    with monkeypatch.context() as older:
        older.setattr(iceberg_table, "OWN_SCHEMA", pa.schema(list(OWN_SCHEMA)[:-1]))
        older.setattr(iceberg_table, "_rows", lambda each, rows=iceberg_table._rows: _without_last(rows, each))
        await published(store, LAYOUT, lake.table())
        assert "gone_since" not in lake.loaded().schema().column_names
    await manifest.merge(TODAY, [*rows_of(0, 1, state="gone", gone_since=DAY)])
    await published(store, LAYOUT, lake.table())
    assert lake.loaded().schema().column_names == OWN_SCHEMA.names
    assert lake.keys() == await keys_of(manifest)


def _without_last(rows: object, partition: object) -> pa.Table:
    with pytest.MonkeyPatch.context() as whole:
        whole.setattr(iceberg_table, "OWN_SCHEMA", OWN_SCHEMA)
        return rows(partition).drop_columns("gone_since")  # type: ignore[operator]


async def test_a_forgotten_prompt_is_in_no_file_of_the_table(lake: Lake) -> None:
    store = MemoryObjectStore()
    manifest = await an_archive(store, LAYOUT)
    await manifest.merge(TODAY, rows_of(0, 4, prompt=SECRET, last_seen_at=DAY + timedelta(hours=1)))
    await published(store, LAYOUT, lake.table())
    assert _rows_with_the_secret(lake)
    await manifest.amend(TODAY, forgotten)
    report = await published(store, LAYOUT, lake.table())
    assert report.expired_snapshots > 0
    assert report.deleted_files > 0
    assert lake.keys() == await keys_of(manifest)
    assert len(lake.loaded().metadata.snapshots) == 1
    assert _rows_with_the_secret(lake) == []
    assert [key for key, body in lake.bodies() if SECRET[:12].encode() in body] == []
    assert (await published(store, LAYOUT, lake.table())).deleted_files == 0


def _rows_with_the_secret(lake: Lake) -> list[str]:
    found = []
    for key, body in lake.bodies():
        if key.endswith(".parquet"):
            prompts = pa.parquet.ParquetFile(pa.BufferReader(body)).read(["prompt"])["prompt"].to_pylist()
            found += [key for prompt in prompts if prompt == SECRET]
    return found


async def test_a_table_of_another_archive_is_refused(lake: Lake) -> None:
    store, other = MemoryObjectStore(), Layout("archive", "other")
    await an_archive(store, LAYOUT)
    await an_archive(store, other)
    await published(store, LAYOUT, lake.table())
    with pytest.raises(ConfigurationError, match="belongs to the archive s3://archive/stablecog"):
        await published(store, other, lake.table(other))


async def test_a_catalogue_that_is_not_configured_or_not_there_says_so(tmp_path: Path) -> None:
    store = MemoryObjectStore()
    await an_archive(store, LAYOUT)
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        await published(store, LAYOUT, IcebergTable(LAYOUT, "nowhere", "db.outputs"))
    unusable = IcebergTable(LAYOUT, "test", "db.outputs", type="sql", uri=f"sqlite:///{tmp_path}/missing/catalog.db")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        await published(store, LAYOUT, unusable)


def test_the_use_case_bounds_a_commit() -> None:
    assert 1 <= use_case.DAYS_AT_ONCE <= 31
