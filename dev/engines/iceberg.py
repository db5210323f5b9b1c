"""Publishes the lake to an Iceberg table on the S3 server, with the product's own use case and a SQL catalogue."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from pyiceberg.catalog import load_catalog

from stablecog_provider.adapters.iceberg_table import IcebergTable
from stablecog_provider.adapters.memory import SystemClock
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.publish import PublishSettings, publish
from stablecog_provider.archive.publishing.ports import PublishPorts
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.coverage import Axis, Coverage
from stablecog_provider.model.object_keys import Layout

from ..local.s3_server import S3Server

CATALOG, TABLE = "engines", "db.outputs"


def published(server: S3Server, layout: Layout, folder: Path) -> str:
    """Publish, and return the address of the table's metadata. `folder`: the place of the catalogue."""
    properties = {
        "type": "sql", "uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"s3://{layout.bucket}/warehouse",
        "s3.endpoint": server.endpoint, "s3.access-key-id": server.access_key,
        "s3.secret-access-key": server.secret_key, "s3.region": "us-east-1",
    }  # fmt: skip
    asyncio.run(_publish(server, layout, properties))
    return str(load_catalog(CATALOG, **properties).load_table(TABLE).metadata_location)


async def _publish(server: S3Server, layout: Layout, properties: dict[str, str]) -> None:
    store = S3ObjectStore(layout.bucket, session=server.session(), endpoint_url=server.endpoint)
    try:
        checkpoint = Checkpoint("https://api.example", Axis.REQUESTED, Coverage(), {}, saved_at=datetime.now(UTC))
        await store.put(layout.checkpoint, checkpoint.to_json(), content_type="application/json")
        table = IcebergTable(layout, CATALOG, TABLE, **properties)
        ports = PublishPorts(store, ParquetManifest(store, layout), table, SystemClock())
        await publish(ports, PublishSettings(layout, CATALOG, TABLE))
    finally:
        store.close()
