"""Reading stored objects back: streams, checksums and versions, with every store."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from adapters.conftest import no_sleep
from dev.local.s3_server import S3Server
from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.adapters.stored_objects import CHUNK, S3StoredObjects
from stablecog_provider.archive.ports import StoredObjects
from stablecog_provider.errors import BucketMissing, CredentialsRejected, StoreUnavailable

BIG = bytes(range(256)) * (CHUNK // 256 * 2 + 3)


@dataclass(frozen=True, slots=True)
class Bucket:
    """`keeps_checksums`: moto keeps none of what obstore writes."""

    store: StoredObjects
    keeps_checksums: bool = True


def on_server(server: S3Server, bucket: str, **settings: str) -> S3StoredObjects:
    return S3StoredObjects(
        bucket, session=server.session(), endpoint_url=settings.get("endpoint", server.endpoint), sleep=no_sleep
    )


@pytest.fixture(params=["memory", *(pytest.param(server, marks=pytest.mark.slow) for server in ("moto", "seaweedfs"))])
def bucket(request: pytest.FixtureRequest) -> Iterator[Bucket]:
    """A bucket of its own that keeps versions."""
    if request.param == "memory":
        yield Bucket(MemoryObjectStore(versioned=True))
        return
    server: S3Server = request.getfixturevalue(f"{request.param}_server")
    name = f"stored-{uuid.uuid4().hex[:8]}"
    client = server.client()
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    yield Bucket(on_server(server, name), keeps_checksums=request.param == "seaweedfs")


async def read(store: StoredObjects, key: str, version_id: str = "") -> bytes | None:
    async with store.open(key, version_id) as found:
        return None if found is None else b"".join([piece async for piece in found.chunks()])


@pytest.mark.parametrize("body", [b"", b"one", BIG], ids=["empty", "small", "big"])
async def test_a_stream_has_every_byte(bucket: Bucket, body: bytes) -> None:
    version = await bucket.store.put("a/x.jpeg", body, content_type="image/jpeg")
    async with bucket.store.open("a/x.jpeg") as found:
        assert found is not None
        assert (found.size, found.version) == (len(body), version)
        assert b"".join([piece async for piece in found.chunks()]) == body


async def test_what_is_not_there_is_none(bucket: Bucket) -> None:
    assert await read(bucket.store, "nothing") is None
    assert await bucket.store.checksum("nothing") is None
    assert list(await bucket.store.versions("nothing")) == []


async def test_the_store_keeps_the_sha256_of_what_was_put(bucket: Bucket) -> None:
    version = await bucket.store.put("x", b"one", content_type="text/plain")
    found = await bucket.store.checksum("x")
    assert found is not None
    assert (found.size, found.version) == (3, version)
    assert found.sha256 == (hashlib.sha256(b"one").hexdigest() if bucket.keeps_checksums else None)


async def test_earlier_versions_can_be_read_also_after_a_deletion(bucket: Bucket) -> None:
    written = [await bucket.store.put("k/x", body, content_type="text/plain") for body in (b"1", b"22")]
    await bucket.store.put("k/x.more", b"other", content_type="text/plain")
    await bucket.store.delete("k/x")
    assert await read(bucket.store, "k/x") is None
    found = await bucket.store.versions("k/x")
    assert [each.size for each in found] == [2, 1]
    assert [each.version for each in found] == [version.strip('"') for version in reversed(written)]
    assert [await read(bucket.store, "k/x", each.version_id) for each in found] == [b"22", b"1"]


async def test_requests_are_counted(bucket: Bucket) -> None:
    await bucket.store.put("x", b"one", content_type="text/plain")
    before = bucket.store.requests
    await read(bucket.store, "x")
    await bucket.store.checksum("x")
    await bucket.store.versions("x")
    assert bucket.store.requests == before + 3


@pytest.mark.slow
async def test_refusals_are_translated(seaweedfs_server: S3Server) -> None:
    server = S3Server(seaweedfs_server.endpoint, "no-such-key", "geheim")
    store = on_server(server, "archive")
    for attempt in (store.checksum("x"), store.versions("x"), read(store, "x")):
        with pytest.raises(CredentialsRejected) as refused:
            await attempt
        assert refused.value.hint
        assert "geheim" not in str(refused.value)
        assert refused.value.__cause__ is None
    with pytest.raises(BucketMissing):
        await on_server(seaweedfs_server, "no-such-bucket").versions("x")


async def test_a_store_that_is_away_is_unavailable() -> None:
    server = S3Server("http://127.0.0.1:9", "key", "secret")
    store = S3StoredObjects("bucket", session=server.session(), endpoint_url=server.endpoint, sleep=no_sleep)
    with pytest.raises(StoreUnavailable):
        await store.checksum("x")
