"""Archives the whole account in one process and prints its costs at each tenth: memory, seconds, bytes, requests.

API, S3, manifest and checkpoint are real. The images are not: each is the same few bytes, created and dropped in process.
A million images over HTTP would take an hour, and `dev.bench.copy` measures them.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import boto3

from stablecog_provider.adapters.assembly import SourceSettings, StoreSettings, open_source, open_store
from stablecog_provider.adapters.memory import SystemClock
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.adapters.process_exit import wait_for_threads_at_exit
from stablecog_provider.archive.ports import ImageBody, Listed, ObjectStore, Ports, Progress, Stored
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.model.object_keys import Layout

from ..local.tiny_jpeg import tiny_jpeg
from .growth_source import KEY

TINY = tiny_jpeg(bytes(59))
PAGE = os.sysconf("SC_PAGE_SIZE")


class Tiny:
    declared_length: int | None = len(TINY)

    async def chunks(self) -> AsyncIterator[bytes]:
        yield TINY


class TinyImages:
    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        # One turn of the event loop, as a read from a socket would take.
        await asyncio.sleep(0)
        yield Tiny()


class WithoutImages:
    """An ObjectStore that drops images. `images`: number dropped. `manifest_bytes`: bytes of manifest written."""

    def __init__(self, inner: ObjectStore) -> None:
        self._inner, self.images, self.manifest_bytes = inner, 0, 0
        self.address = inner.address

    @property
    def requests(self) -> int:
        return self._inner.requests

    async def get(self, key: str) -> Stored | None:
        return await self._inner.get(key)

    async def head(self, key: str) -> Listed | None:
        return await self._inner.head(key)

    async def put(self, key: str, body: bytes, **settings: Any) -> str:
        if "/images/" in key:
            await asyncio.sleep(0)
            self.images += 1
            return "dropped"
        self.manifest_bytes += len(body) * ("/manifest/" in key)
        return await self._inner.put(key, body, **settings)

    async def delete(self, key: str) -> None:
        await self._inner.delete(key)

    def list(self, prefix: str) -> AsyncIterator[Listed]:
        return self._inner.list(prefix)

    async def folders(self, prefix: str) -> Sequence[str]:
        return await self._inner.folders(prefix)


class Meter:
    """Prints a line of JSON at each tenth of `outputs`: resident bytes, and seconds since the start."""

    def __init__(self, outputs: int) -> None:
        self._tenth, self._outputs, self._began = 1, outputs, time.monotonic()

    def __call__(self, progress: Progress) -> None:
        while self._tenth <= 10 and progress.done >= self._outputs * self._tenth // 10:
            line = {"tenth": self._tenth, "resident": resident(), "seconds": time.monotonic() - self._began}
            print(json.dumps(line), flush=True)  # noqa: T201 - the parent reads it
            self._tenth += 1


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


async def main(address: str, endpoint: str, to: str, outputs: int) -> None:
    layout = Layout.parse(to)
    session = boto3.Session(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    source = SourceSettings(address=address, api_key=KEY, image_hosts=(address.removeprefix("http://"),))
    async with (
        open_source(source) as api,
        open_store(StoreSettings(session=session, endpoint_url=endpoint), layout) as bucket,
    ):
        store = WithoutImages(bucket)
        manifest = ParquetManifest(store, layout)
        ports = Ports(source=api, images=TinyImages(), store=store, manifest=manifest, clock=SystemClock())
        report = await archive(ports, ArchiveSettings(layout), Meter(outputs))
        final = sum([listed.size async for listed in bucket.list(layout.manifest)])
    print(  # noqa: T201
        json.dumps(
            {
                "outcome": report.outcome,
                "copied": report.copied,
                "images": store.images,
                "written": store.manifest_bytes,
                "final": final,
                "source_requests": report.source_requests,
                "store_requests": report.store_requests,
            }
        )
    )


if __name__ == "__main__":
    wait_for_threads_at_exit()
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
