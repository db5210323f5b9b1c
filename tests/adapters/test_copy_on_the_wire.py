"""What one image costs on the wire with the real adapters: requests, bytes, connections. Counted, never timed."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from datetime import date

import boto3
from aiohttp import web

from adapters.conftest import http_server
from dev.local.tiny_jpeg import tiny_jpeg
from stablecog_provider.adapters.image_http import HttpImages
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.archive.copying.transfer import CopyJob, Transfer
from stablecog_provider.model.object_keys import Layout, Rendition

COUNT, AT_ONCE = 60, 4
BODY = tiny_jpeg(bytes(range(256)) * 400)
DIGEST = hashlib.sha256(BODY).hexdigest()[:16]


async def test_an_image_is_one_get_and_one_put_over_connections_that_are_kept() -> None:
    requests: Counter[str] = Counter()
    received: Counter[str] = Counter()
    connections: set[object] = set()

    async def answer(request: web.Request) -> web.Response:
        requests[request.method] += 1
        if request.method == "GET":
            connections.add(request.transport)
            return web.Response(body=BODY)
        assert request.headers["If-None-Match"] == "*"
        body = await request.read()
        assert body == BODY
        received[request.path] += len(body)
        return web.Response(headers={"ETag": '"1"'})

    session = boto3.session.Session("key", "secret", region_name="us-east-1")
    async with http_server(answer) as address, HttpImages([address]) as images, asyncio.TaskGroup() as group:
        store = S3ObjectStore("bucket", session=session, endpoint_url=f"http://{address}")
        transfer = Transfer(images, store, Layout("bucket"), concurrency=AT_ONCE)
        for number in range(COUNT):
            job = CopyJob(f"o{number}", Rendition.ORIGINAL, date(2026, 11, 21), f"http://{address}/{number}.jpeg")
            group.create_task(transfer.copy(job))
    assert requests == {"GET": COUNT, "PUT": COUNT}
    assert store.requests == COUNT
    folder = "/bucket/images/dt=2026-11-21"
    assert received == {f"{folder}/o{number}.original.{DIGEST}.jpeg": len(BODY) for number in range(COUNT)}
    assert len(connections) <= AT_ONCE
