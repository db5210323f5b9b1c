"""Versions are listed and deleted for good, on real servers as in memory; a lock is named with its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from dev.local.s3_server import S3Server
from stablecog_provider.adapters.erasable_objects import S3ErasableObjects
from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.archive.forgetting.ports import ErasableObjects, StoredVersion
from stablecog_provider.errors import ArchiveError

PLAIN, VERSIONED, LOCKED = "erase-plain", "erase-versioned", "erase-locked"


def opened(server: S3Server, bucket: str) -> S3ErasableObjects:
    return S3ErasableObjects(bucket, session=server.session(), endpoint_url=server.endpoint)


def made(server: S3Server, bucket: str) -> S3ErasableObjects:
    client = server.client()
    if bucket not in {each["Name"] for each in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=bucket == LOCKED)
        if bucket != PLAIN:
            client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return opened(server, bucket)


@pytest.fixture(params=["memory", "moto", "seaweedfs"])
def versioned(request: pytest.FixtureRequest) -> ErasableObjects:
    if request.param == "memory":
        return MemoryObjectStore(versioned=True)
    return made(request.getfixturevalue(f"{request.param}_server"), VERSIONED)


@pytest.fixture(params=["memory", "moto", "seaweedfs"])
def plain(request: pytest.FixtureRequest) -> ErasableObjects:
    if request.param == "memory":
        return MemoryObjectStore()
    return made(request.getfixturevalue(f"{request.param}_server"), PLAIN)


async def put(store: ErasableObjects, key: str, *bodies: bytes) -> None:
    for body in bodies:
        await store.put(key, body, content_type="text/plain")


async def listed(versions: AsyncIterator[StoredVersion]) -> list[StoredVersion]:
    return [each async for each in versions]


async def test_every_version_is_listed_and_only_the_named_one_goes(versioned: ErasableObjects) -> None:
    await put(versioned, "a/one", b"1", b"22", b"333")
    await put(versioned, "a/two", b"4444")
    await put(versioned, "b/other", b"5")
    found = await listed(versioned.all_versions("a/"))
    assert [(each.key, each.size, each.is_latest) for each in found] == [
        ("a/one", 3, True),
        ("a/one", 2, False),
        ("a/one", 1, False),
        ("a/two", 4, True),
    ]
    assert await versioned.erase("a/one", found[1].version_id) is None
    left = await listed(versioned.all_versions("a/one"))
    assert [(each.size, each.is_latest) for each in left] == [(3, True), (1, False)]
    stored = await versioned.get("a/one")
    assert stored
    assert stored.body == b"333"
    for each in [*left, *await listed(versioned.all_versions("a/two"))]:
        await versioned.erase(each.key, each.version_id)
    assert await listed(versioned.all_versions("a/")) == []
    assert await versioned.get("a/one") is None
    assert await versioned.get("b/other")


async def test_what_was_deleted_before_goes_as_well(versioned: ErasableObjects) -> None:
    await put(versioned, "c/one", b"1")
    await versioned.delete("c/one")
    found = await listed(versioned.all_versions("c/"))
    assert [each.size for each in found if not each.is_marker] == [1]
    for each in found:
        await versioned.erase(each.key, each.version_id)
    assert await listed(versioned.all_versions("c/")) == []


async def test_a_bucket_without_versions_has_one_of_each(plain: ErasableObjects) -> None:
    await put(plain, "a/one", b"1", b"22")
    (only,) = await listed(plain.all_versions("a/"))
    assert (only.key, only.size, only.is_latest) == ("a/one", 2, True)
    await plain.erase(only.key, only.version_id)
    assert await plain.get("a/one") is None


async def test_what_is_not_there_can_be_erased(versioned: ErasableObjects, plain: ErasableObjects) -> None:
    for store in (versioned, plain):
        assert await store.erase("nobody/nothing", "null") is None


async def test_a_lock_is_named_with_its_end(moto_server: S3Server) -> None:
    store, client = made(moto_server, LOCKED), moto_server.client()
    until = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
    await put(store, "kept", b"1")
    await put(store, "held", b"1")
    await asyncio.to_thread(
        client.put_object_retention,
        Bucket=LOCKED,
        Key="kept",
        Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until},
    )
    await asyncio.to_thread(client.put_object_legal_hold, Bucket=LOCKED, Key="held", LegalHold={"Status": "ON"})
    for key, mode, end in (("kept", "COMPLIANCE", until), ("held", "legal hold", None)):
        (version,) = await listed(store.all_versions(key))
        lock = await store.erase(key, version.version_id)
        assert lock, key
        assert (lock.mode, lock.until) == (mode, end)
        assert await store.get(key)


async def test_a_refusal_names_the_policy(moto_server: S3Server) -> None:
    store = S3ErasableObjects("no-such-bucket-here", session=moto_server.session(), endpoint_url=moto_server.endpoint)
    with pytest.raises(ArchiveError, match="no-such-bucket-here"):
        await store.erase("a", "null")
