"""Our transfer layer as a separate process: `ours.py JOBS SINK`. JOBS has one line `URL,KEY` per image.

Everything is as in a run: checks, SHA-256, content type, retries, the checksum of the store.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import boto3

from stablecog_provider.adapters import event_loop
from stablecog_provider.adapters.garbage import rarely_collected
from stablecog_provider.adapters.image_http import HttpImages
from stablecog_provider.adapters.network.network import Network
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.adapters.process_exit import wait_for_threads_at_exit
from stablecog_provider.archive.copying.transfer import CopyJob, Transfer
from stablecog_provider.model.object_keys import Layout, Rendition

BUCKET, AT_ONCE = "bench", 32


async def main(jobs: list[tuple[str, str]], sink: str) -> None:
    session = boto3.session.Session("access-key", "secret-key", region_name="us-east-1")
    network = Network.of(os.environ)
    store = S3ObjectStore(BUCKET, session=session, endpoint_url=sink, network=network)
    hosts = sorted({urlsplit(url).netloc for url, _ in jobs})
    async with HttpImages(hosts, network=network) as images, asyncio.TaskGroup() as group:
        transfer = Transfer(images, store, Layout(BUCKET), concurrency=AT_ONCE)
        for url, key in jobs:
            name = Path(key).stem
            group.create_task(transfer.copy(CopyJob(name, Rendition.ORIGINAL, date(2026, 11, 21), url)))


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text().splitlines()
    wait_for_threads_at_exit()
    with rarely_collected():
        event_loop.run(main([(url, key) for url, _, key in (line.partition(",") for line in lines)], sys.argv[2]))
