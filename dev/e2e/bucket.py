"""Reads an archive from its bucket, independently of the archive's own code: manifest, images with digests, reports."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from obstore.store import S3Store

from ..local.archive_reader import ArchiveReader
from ..local.children import StepFailed
from ..local.s3_server import S3Server
from .check import STORED

BUCKET = "archive"
_AT_ONCE = 8
"""Images read in parallel; upscaled ones have up to 8 MB."""


def manifest_of(server: S3Server, prefix: str, folder: Path) -> pa.Table:
    """Copy all partitions to `folder` and return them as one table. Raises StepFailed."""
    shutil.rmtree(folder, ignore_errors=True)
    partitions = ArchiveReader(server, BUCKET, prefix).download_manifest(folder)
    if not partitions:
        raise StepFailed("reading the manifest", "there is none")
    return pa.concat_tables([pq.ParquetFile(path).read() for path in partitions])


def reports_of(server: S3Server, prefix: str) -> list[dict[str, Any]]:
    """Return the reports of all runs, oldest first."""
    return ArchiveReader(server, BUCKET, prefix).reports()


def stored_in(server: S3Server, prefix: str) -> pa.Table:
    """Read every object below `images/` and return a table with the schema `STORED`."""
    return pa.Table.from_pylist(asyncio.run(_digests(server, f"{prefix}/images/")), schema=STORED)


async def _digests(server: S3Server, folder: str) -> list[dict[str, Any]]:
    store = S3Store(
        BUCKET,
        endpoint=server.endpoint,
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True, "timeout": timedelta(seconds=60)},
    )
    turn = asyncio.Semaphore(_AT_ONCE)

    async def read(key: str) -> dict[str, Any]:
        async with turn:
            body = await (await store.get_async(key)).bytes_async()
        return {"uri": f"s3://{BUCKET}/{key}", "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}

    keys = [item["path"] async for items in store.list(folder) for item in items]
    return await asyncio.gather(*(read(key) for key in keys))
