"""What the S3 store sends: retries, requests per body, tags and checksums."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from adapters.conftest import NO_RETRIES, http_server, s3_store
from dev.local.s3_server import S3Server
from stablecog_provider.archive.ports import Conflict, Unchanged
from support.store_operations import operate, xml


async def test_a_request_that_fails_once_is_retried_by_obstore() -> None:
    statuses = iter([503, 200])

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=next(statuses), headers={"ETag": '"v1"'})

    async with http_server(answer) as address:
        store = s3_store(S3Server(f"http://{address}", "a", "b"))
        assert await operate(store, "put") == '"v1"'


async def test_a_large_body_is_one_request() -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path_qs} {len(await request.read())}")
        return web.Response(headers={"ETag": '"v1"'})

    async with http_server(answer) as address:
        store = s3_store(S3Server(f"http://{address}", "a", "b"), retries=NO_RETRIES)
        await store.put("k", b"x" * 6_000_000, content_type="text/plain")
    assert asked == ["PUT /archive/k 6000000"]


@pytest.fixture
async def ceph_like() -> AsyncIterator[str]:
    """A server that compares If-Match with the unquoted tag, like Ceph; the object has version "v1"."""

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("If-Match") == "v1":
            return web.Response(headers={"ETag": '"v2"'})
        return web.Response(status=412, text=xml("PreconditionFailed"))

    async with http_server(answer) as address:
        yield f"http://{address}"


async def test_a_store_that_compares_unquoted_tags_is_supported(ceph_like: str) -> None:
    store = s3_store(S3Server(ceph_like, "a", "b"), retries=NO_RETRIES)
    assert await store.put("k", b"", content_type="text/plain", condition=Unchanged('"v1"')) == '"v2"'
    with pytest.raises(Conflict):
        await store.put("k", b"", content_type="text/plain", condition=Unchanged('"v0"'))


async def test_the_server_checks_the_bodies_sha256(seaweedfs_server: S3Server) -> None:
    await s3_store(seaweedfs_server).put("checked", b"body", content_type="text/plain")
    head = seaweedfs_server.client().head_object(Bucket="archive", Key="checked", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(b"body").digest()).decode()


async def test_a_delete_is_retried_over_a_broken_connection() -> None:
    """It is safe to repeat, but obstore makes one attempt only."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.method)
        if len(seen) < 3 and request.transport:
            request.transport.close()
        return web.Response(status=204)

    async with http_server(answer) as address:
        await operate(s3_store(S3Server(f"http://{address}", "a", "b"), retries=NO_RETRIES), "delete")
    assert seen == ["DELETE"] * 3
