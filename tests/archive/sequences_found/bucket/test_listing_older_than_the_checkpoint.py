"""A run that lists the manifest while another one commits, and a partition that is restored from its earlier version later."""

from __future__ import annotations

import asyncio

from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, days_of, stage_of
from support.worlds import checkpoint


async def test_a_listing_taken_before_another_runs_commit_hides_no_restored_partition() -> None:
    """A consistent store. The second run lists when one of two partitions is written, and loads the checkpoint of both."""
    stage = stage_of(*days_of(5, 3))
    await stage.run()
    first, other, _ = (LAYOUT.partition((NOON - DAY * number).date()) for number in (3, 2, 1))
    earlier, unwritten = stage.store.objects[other], stage.store.objects[first]
    for number in (3, 2):
        stage.simulated.add(NOON - DAY * number + HOUR, NOON - DAY * number + HOUR)
    stage.clock.advance(DAY)
    listed, committed = asyncio.Event(), asyncio.Event()

    async def in_one(call: Call) -> None:
        if call == Call("put", other):
            await listed.wait()

    async def in_another(call: Call) -> None:
        if call == Call("list", LAYOUT.manifest) and not listed.is_set():
            listed.set()
            await committed.wait()

    one, another = stage.store, MemoryObjectStore(after=in_another)
    another.objects, another._versions, one.before = one.objects, 10_000, in_one
    running = asyncio.create_task(stage.run(lookback=9 * DAY))
    while one.objects[first] is unwritten:  # noqa: ASYNC110
        await asyncio.sleep(0)
    stage.store = another
    beside = asyncio.create_task(stage.run())
    await running
    committed.set()
    await beside
    stage.clock.advance(DAY)
    assert (await stage.run()).outcome == "proven"
    assert (await stage.status()).exit_code == 0
    # Later, the earlier version is put back, with the ETag that it had.
    stage.store.objects[other] = earlier
    told = await stage.status()
    assert checkpoint(stage).partitions[(NOON - DAY * 2).date()].listed != earlier.version
    assert (told.exit_code, [*told.changed]) == (3, [(NOON - DAY * 2).date()])
