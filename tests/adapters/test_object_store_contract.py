"""What the archive needs of a store, tested with every store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stablecog_provider.archive.ports import Absent, Conflict, Listed, Unchanged

if TYPE_CHECKING:
    from adapters.conftest import StoreUnderTest as Bucket


async def keys_below(bucket: Bucket, prefix: str) -> list[Listed]:
    return sorted([item async for item in bucket.store.list(prefix)], key=lambda item: item.key)


async def test_a_listing_has_the_versions_of_get_except_for_quotes(bucket: Bucket) -> None:
    key = bucket.key("listed/one")
    version = await bucket.store.put(key, b"one", content_type="text/plain")
    assert [item.version.strip('"') for item in await keys_below(bucket, bucket.key("listed/"))] == [version.strip('"')]


async def test_get_returns_what_was_put_with_its_version(bucket: Bucket) -> None:
    key = bucket.key("a/checkpoint.json")
    version = await bucket.store.put(key, b"one", content_type="application/json")
    found = await bucket.store.get(key)
    assert found is not None
    assert (found.body, found.version) == (b"one", version)
    assert type(found.body) is bytes


async def test_an_absent_key_is_none(bucket: Bucket) -> None:
    assert await bucket.store.get(bucket.key("nothing")) is None


@pytest.mark.parametrize("size", [0, 5])
async def test_head_returns_what_get_does_without_the_bytes(bucket: Bucket, size: int) -> None:
    key = bucket.key("looked/at")
    version = await bucket.store.put(key, b"x" * size, content_type="text/plain")
    head = await bucket.store.head(key)
    assert head is not None
    assert (head.key, head.size, head.version) == (key, size, version)
    (listed,) = [each async for each in bucket.store.list(bucket.key("looked/"))]
    # A listing has fractions of a second, and the header of a response has none.
    assert (head.modified is None) == (listed.modified is None)
    if head.modified and listed.modified:
        assert abs(head.modified - listed.modified) <= timedelta(seconds=1)


async def test_head_of_an_absent_key_is_none(bucket: Bucket) -> None:
    await bucket.store.put(bucket.key("folder/one"), b"x", content_type="text/plain")
    assert await bucket.store.head(bucket.key("folder")) is None


async def test_a_store_names_its_address(bucket: Bucket) -> None:
    assert bucket.store.address


async def test_content_type_and_metadata_are_kept(bucket: Bucket) -> None:
    key = bucket.key("images/dt=2026-11-21/x.original.jpeg")
    await bucket.store.put(key, b"\xff\xd8\xff", content_type="image/jpeg", metadata={"sha256": "ab" * 32})
    seen = bucket.look(key)
    assert (seen.body, seen.content_type, dict(seen.metadata)) == (b"\xff\xd8\xff", "image/jpeg", {"sha256": "ab" * 32})


@pytest.mark.parametrize("size", [0, 1, 6 * 1024 * 1024])
async def test_bodies_of_every_size_are_read_back(bucket: Bucket, size: int) -> None:
    # At 6 MiB, obstore would split an upload by default.
    key, body = bucket.key("big"), bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    await bucket.store.put(key, body, content_type="application/octet-stream")
    found = await bucket.store.get(key)
    assert found is not None
    assert found.body == body


async def test_absent_creates_once(bucket: Bucket) -> None:
    key = bucket.key("once")
    await bucket.store.put(key, b"first", content_type="text/plain", condition=Absent())
    with pytest.raises(Conflict):
        await bucket.store.put(key, b"second", content_type="text/plain", condition=Absent())
    assert bucket.look(key).body == b"first"


async def test_unchanged_replaces_the_version_it_names_and_no_other(bucket: Bucket) -> None:
    key = bucket.key("cas")
    first = await bucket.store.put(key, b"first", content_type="text/plain")
    second = await bucket.store.put(key, b"second", content_type="text/plain", condition=Unchanged(first))
    assert second != first
    with pytest.raises(Conflict):
        await bucket.store.put(key, b"third", content_type="text/plain", condition=Unchanged(first))
    assert bucket.look(key).body == b"second"


async def test_unchanged_of_an_absent_key_is_a_conflict(bucket: Bucket) -> None:
    version = await bucket.store.put(bucket.key("other"), b"x", content_type="text/plain")
    with pytest.raises(Conflict):
        await bucket.store.put(bucket.key("absent"), b"x", content_type="text/plain", condition=Unchanged(version))
    assert await bucket.store.get(bucket.key("absent")) is None


async def test_one_of_many_concurrent_creates_wins(bucket: Bucket, request: pytest.FixtureRequest) -> None:
    if "moto" in request.node.name:
        pytest.skip("moto looks and writes in two steps, so that two of them can win on a busy machine")
    key = bucket.key("race")
    attempts = [
        bucket.store.put(key, str(n).encode(), content_type="text/plain", condition=Absent()) for n in range(12)
    ]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    winners = [n for n, result in enumerate(results) if isinstance(result, str)]
    assert len(winners) == 1
    assert [type(result) for result in results].count(Conflict) == 11
    assert bucket.look(key).body == str(winners[0]).encode()


async def test_counting_up_by_compare_and_swap_loses_no_step(bucket: Bucket) -> None:
    key = bucket.key("counter")
    await bucket.store.put(key, b"0", content_type="text/plain")

    async def add_one() -> None:
        while True:
            current = await bucket.store.get(key)
            assert current is not None
            try:
                body = str(int(current.body) + 1).encode()
                await bucket.store.put(key, body, content_type="text/plain", condition=Unchanged(current.version))
                return
            except Conflict:
                continue

    await asyncio.gather(*(add_one() for _ in range(6)))
    assert bucket.look(key).body == b"6"


async def test_delete_removes_and_may_be_repeated(bucket: Bucket) -> None:
    key = bucket.key("doomed")
    await bucket.store.put(key, b"x", content_type="text/plain")
    await bucket.store.delete(key)
    await bucket.store.delete(key)
    assert await bucket.store.get(key) is None


async def test_list_returns_everything_below_a_folder_and_nothing_else(bucket: Bucket) -> None:
    for name, size in {"in/a": 1, "in/b/c": 2, "in-between": 3, "inner/d": 4}.items():
        await bucket.store.put(bucket.key(name), b"x" * size, content_type="text/plain")
    found = await keys_below(bucket, bucket.key("in/"))
    assert len({item.modified is None for item in found}) == 1
    assert [replace(item, version="", modified=None) for item in found] == [
        Listed(bucket.key("in/a"), 1),
        Listed(bucket.key("in/b/c"), 2),
    ]
    assert await keys_below(bucket, bucket.key("nowhere/")) == []


@pytest.mark.long
async def test_list_continues_beyond_a_page(bucket: Bucket) -> None:
    names = [bucket.key(f"many/{n:04}") for n in range(1005)]
    for start in range(0, len(names), 67):
        some = names[start : start + 67]
        await asyncio.gather(*(bucket.store.put(name, b"", content_type="text/plain") for name in some))
    assert [item.key for item in await keys_below(bucket, bucket.key("many/"))] == names


async def test_unusual_but_legal_prefixes_are_kept(bucket: Bucket) -> None:
    key = bucket.key("it's (mine)!*=_.-/x")
    await bucket.store.put(key, b"odd", content_type="text/plain")
    assert bucket.look(key).body == b"odd"
    assert [item.key for item in await keys_below(bucket, key.rpartition("/")[0] + "/")] == [key]


async def test_every_call_counts_as_a_request(bucket: Bucket) -> None:
    before = bucket.store.requests
    await bucket.store.put(bucket.key("k"), b"", content_type="text/plain")
    await bucket.store.get(bucket.key("k"))
    await bucket.store.head(bucket.key("k"))
    await bucket.store.head(bucket.key("absent"))
    await keys_below(bucket, bucket.key(""))
    await bucket.store.delete(bucket.key("k"))
    assert bucket.store.requests == before + 6
