"""Opens what publishing needs: the archive, and a table of the extra `iceberg`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..archive.publishing.ports import PublishPorts
from ..errors import ConfigurationError
from ..model.object_keys import Layout
from .assembly import open_store
from .settings import StoreSettings


@asynccontextmanager
async def open_publishing(
    store: StoreSettings, layout: Layout, catalog: str, table: str
) -> AsyncIterator[PublishPorts]:
    """Open the archive, and an Iceberg table of a catalogue in pyiceberg's configuration. Raises ConfigurationError. Makes no
    request.
    """
    from .memory import SystemClock
    from .parquet_manifest import ParquetManifest

    try:
        from .iceberg_table import IcebergTable
    except ImportError as error:
        raise ConfigurationError(
            f"publish needs a package that is not installed: {error.name}",
            hint="install it with the extra: pip install 'airflow-provider-stablecog[iceberg]'",
        ) from None
    async with open_store(store, layout) as bucket:
        yield PublishPorts(
            store=bucket,
            manifest=ParquetManifest(bucket, layout),
            table=IcebergTable(layout, catalog, table),
            clock=SystemClock(),
        )
