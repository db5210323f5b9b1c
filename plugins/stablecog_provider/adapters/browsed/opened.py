"""Puts together what looking at an archive needs. Its adapters need Pillow, so it is apart from `assembly`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from ...archive.browsing.ports import BrowsePorts
from ...model.object_keys import Layout
from ..assembly import open_store
from ..memory import SystemClock
from ..parquet_registers import ParquetRegisters
from ..settings import StoreSettings
from .disk_previews import DiskPreviews, preview_folder
from .parquet_pictures import ParquetPictures


@asynccontextmanager
async def open_browse_ports(
    store: StoreSettings, layout: Layout, environ: Mapping[str, str]
) -> AsyncIterator[BrowsePorts]:
    """Open what looking at an archive needs. `environ`: names the folder for previews. Raises ConfigurationError."""
    async with open_store(store, layout) as bucket:
        yield BrowsePorts(
            store=bucket,
            pictures=ParquetPictures(bucket, layout),
            previews=DiskPreviews(bucket, preview_folder(environ)),
            clock=SystemClock(),
            registers=ParquetRegisters(bucket, layout),
        )
