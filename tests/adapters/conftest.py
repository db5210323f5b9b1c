"""Every ObjectStore and every ImageSource as a parametrised fixture; a new adapter is added here."""

from __future__ import annotations

import hashlib
import ssl
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from dev.local.s3_server import HOST, S3Server
from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.archive.ports import ObjectStore

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
NO_RETRIES = {"max_retries": 0, "retry_timeout": timedelta(seconds=10)}


@dataclass(frozen=True, slots=True)
class Seen:
    """The content of a store, read without the port."""

    body: bytes
    content_type: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StoreUnderTest:
    """`folder` belongs to this test only; `look` returns the object at a key."""

    store: ObjectStore
    look: Callable[[str], Seen]
    folder: str

    def key(self, name: str) -> str:
        return f"{self.folder}/{name}"


async def no_sleep(seconds: float) -> None:
    """A sleep that does not wait."""


def s3_store(server: S3Server, bucket: str = "archive", **settings: Any) -> S3ObjectStore:
    return S3ObjectStore(
        bucket, session=server.session(), endpoint_url=server.endpoint, **{"sleep": no_sleep, **settings}
    )


class HashedStore(S3ObjectStore):
    """An S3ObjectStore that gets the SHA-256 of every body, so that libcurl writes it."""

    async def put(self, key: str, body: bytes, **settings: Any) -> str:
        return await super().put(key, body, sha256=hashlib.sha256(body).hexdigest(), **settings)


def _on_server(server: S3Server, kind: type[S3ObjectStore]) -> tuple[ObjectStore, Callable[[str], Seen]]:
    client = server.client()

    def look(key: str) -> Seen:
        found = client.get_object(Bucket="archive", Key=key)
        return Seen(found["Body"].read(), found["ContentType"], found["Metadata"])

    return kind("archive", session=server.session(), endpoint_url=server.endpoint, sleep=no_sleep), look


def _in_memory() -> tuple[ObjectStore, Callable[[str], Seen]]:
    store = MemoryObjectStore()

    def look(key: str) -> Seen:
        found = store.objects[key]
        return Seen(found.body, found.content_type, found.metadata)

    return store, look


_SERVERS = ("moto", "seaweedfs", "moto by libcurl", "seaweedfs by libcurl")


@pytest.fixture(params=["memory", *(pytest.param(server, marks=pytest.mark.slow) for server in _SERVERS)])
def bucket(request: pytest.FixtureRequest) -> StoreUnderTest:
    name, _, by_libcurl = request.param.partition(" by ")
    if name == "memory":
        store, look = _in_memory()
    else:
        kind = HashedStore if by_libcurl else S3ObjectStore
        store, look = _on_server(request.getfixturevalue(f"{name}_server"), kind)
    return StoreUnderTest(store, look, f"contract/{uuid.uuid4().hex}")


@asynccontextmanager
async def http_server(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve every request with `handler` on loopback, by TLS if there is a context; gives `HOST:PORT`."""
    application = web.Application(client_max_size=2**24)
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0, ssl_context=tls).start()
        yield f"{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
def serve() -> Callable[[Handler], AbstractAsyncContextManager[str]]:
    return http_server
