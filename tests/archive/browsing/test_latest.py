"""The latest checkpoint: one request per page, and its bytes only if it changed."""

from __future__ import annotations

import asyncio

from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from stablecog_provider.archive.browsing.latest import FRESH, LatestCheckpoint
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.coverage import Axis
from support.pictures import LAYOUT


async def saved(store: MemoryObjectStore, run_id: str) -> None:
    await store.put(LAYOUT.checkpoint, Checkpoint("s", Axis.REQUESTED, run_id=run_id).to_json(), content_type="x/y")


async def test_it_is_read_when_it_changed_and_looked_at_when_it_is_stale() -> None:
    calls: list[str] = []
    store = MemoryObjectStore(before=lambda call: calls.append(call.operation))
    seconds = [0.0]
    latest = LatestCheckpoint(store, LAYOUT, monotonic=lambda: seconds[0])
    await saved(store, "one")
    calls.clear()
    for _ in range(3):
        known = await latest.get()
        assert known is not None
        assert known.run_id == "one"
    assert calls == ["get"]
    seconds[0] = FRESH
    await latest.get()
    assert calls == ["get", "head"]
    await saved(store, "two")
    known = await latest.get()
    assert known is not None
    assert known.run_id == "one"
    seconds[0] = 2 * FRESH
    calls.clear()
    known = await latest.get()
    assert known is not None
    assert (known.run_id, calls) == ("two", ["head", "get"])


async def test_many_requests_at_once_read_it_once() -> None:
    calls: list[Call] = []
    store = MemoryObjectStore()
    await saved(store, "one")
    store.before = calls.append
    latest = LatestCheckpoint(store, LAYOUT, monotonic=lambda: 0.0)
    await asyncio.gather(*(latest.get() for _ in range(20)))
    assert len(calls) == 1


async def test_an_archive_that_is_gone_is_none() -> None:
    store = MemoryObjectStore()
    seconds = [0.0]
    latest = LatestCheckpoint(store, LAYOUT, monotonic=lambda: seconds[0])
    assert await latest.get() is None
    await saved(store, "one")
    seconds[0] = FRESH
    assert await latest.get() is not None
    await store.delete(LAYOUT.checkpoint)
    seconds[0] = 2 * FRESH
    assert await latest.get() is None
