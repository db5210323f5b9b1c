"""A run reads partitions while it commits others. What it remembers of a day must not be older than what it wrote there."""

from __future__ import annotations

import asyncio

import pytest

from stablecog_provider.adapters.memory import Call, FixedClock, MemoryObjectStore
from stablecog_provider.archive.committing.ledger import Ledger
from support.manifests import KEY, TODAY, a_manifest
from support.rows import DAY, a_row


@pytest.mark.parametrize("then", ["kept", "dropped", "forgotten"])
async def test_a_slow_answer_does_not_replace_what_was_written_meanwhile(then: str) -> None:
    store = MemoryObjectStore()
    manifest = a_manifest(store)
    await manifest.merge(TODAY, [a_row("one", created_at=DAY)])
    ledger, answered, go_on = Ledger(manifest, FixedClock(DAY), "run"), asyncio.Event(), asyncio.Event()

    async def answer_late(call: Call) -> None:
        if call == Call("get", KEY):
            store.after = None
            answered.set()
            await go_on.wait()

    store.after = answer_late
    slow = asyncio.create_task(ledger.partition(TODAY))
    await answered.wait()
    written = await manifest.merge(TODAY, [a_row("two", created_at=DAY)])
    if then != "forgotten":
        ledger.keep(written)
    if then != "kept":
        ledger.forget(TODAY)
    go_on.set()
    for partition in (await slow, await ledger.partition(TODAY)):
        assert partition.version == written.version
