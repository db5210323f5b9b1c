"""The features of the fakes beyond their ports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stablecog_provider.adapters.memory import (
    Call,
    FixedClock,
    MemoryImage,
    MemoryImages,
    MemoryObjectStore,
    SystemClock,
)
from stablecog_provider.archive.ports import Absent
from stablecog_provider.errors import ImageGone, StoreUnavailable


async def test_a_store_can_ignore_conditions() -> None:
    store = MemoryObjectStore(ignores_conditions=True)
    await store.put("k", b"one", content_type="text/plain", condition=Absent())
    await store.put("k", b"two", content_type="text/plain", condition=Absent())
    assert store.objects["k"].body == b"two"


async def test_versions_count_up() -> None:
    store = MemoryObjectStore()
    assert [await store.put("k", b"", content_type="text/plain") for _ in range(3)] == ["1", "2", "3"]


async def test_hooks_see_every_call_and_decide_whether_it_took_effect() -> None:
    calls: list[Call] = []

    def fail(call: Call) -> None:
        calls.append(call)
        raise StoreUnavailable("down")

    for store, kept in (MemoryObjectStore(before=fail), []), (MemoryObjectStore(after=fail), ["k"]):
        with pytest.raises(StoreUnavailable):
            await store.put("k", b"x", content_type="text/plain")
        assert list(store.objects) == kept
    assert calls == [Call("put", "k")] * 2


async def test_responses_of_an_image_come_in_order_and_the_last_repeats() -> None:
    images = MemoryImages({"u": [ImageGone("404"), MemoryImage(b"abc", chunk_size=2)]})
    with pytest.raises(ImageGone):
        async with images.open("u"):
            pass
    for _ in range(2):
        async with images.open("u") as body:
            assert [chunk async for chunk in body.chunks()] == [b"ab", b"c"]
    assert (images.asked, images.most_open) == (["u"] * 3, 1)


async def test_an_unknown_image_is_gone() -> None:
    with pytest.raises(ImageGone):
        async with MemoryImages().open("u"):
            pass


def test_clocks_are_utc() -> None:
    clock = FixedClock(datetime(2026, 11, 21, tzinfo=UTC))
    clock.advance(timedelta(hours=1))
    assert clock.now() == datetime(2026, 11, 21, 1, tzinfo=UTC)
    assert SystemClock().now().utcoffset() == timedelta(0)
