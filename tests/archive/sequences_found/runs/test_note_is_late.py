"""A run whose inventory read a partition between two commits of another run, and that saves its note after the second one."""

from __future__ import annotations

import asyncio

import pytest

from stablecog_provider.adapters.memory import Call
from support.killed import Killed
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, days_of, stage_of


async def test_a_late_note_of_an_inventory_takes_no_newer_summary_back() -> None:
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    stage.clock.advance(HOUR)
    key = LAYOUT.partition((NOON - DAY).date())
    ids = [o.id for o in stage.simulated.visible(NOON) if o.g.date() == (NOON - DAY).date()]
    stage.simulated.upscale(ids[0], NOON)

    # A run is killed between the partition and the checkpoint, so that an inventory has something to note.
    def die(call: Call) -> None:
        if call == Call("put", key):
            stage.store.after = None
            raise Killed

    stage.store.after = die
    with pytest.raises((Killed, BaseExceptionGroup)):
        await stage.run(lookback=3 * DAY)
    stage.clock.advance(HOUR)
    # Two runs: the first takes its inventory and then sleeps; the second goes through.
    early = stage.beside()
    stage.simulated.upscale(ids[1], NOON + HOUR)
    asleep, wake = asyncio.Event(), asyncio.Event()

    async def sleep_once(call: Call) -> None:
        if call == Call("put", LAYOUT.checkpoint) and asyncio.current_task() is sleeping and not asleep.is_set():
            asleep.set()
            await wake.wait()

    stage.store.before = sleep_once
    sleeping = asyncio.create_task(early.run(lookback=3 * DAY))
    await asleep.wait()
    stage.store.after = None
    await stage.run(lookback=3 * DAY)

    async def killed_after_its_note(call: Call) -> None:
        if call == Call("put", LAYOUT.checkpoint):
            raise Killed

    stage.store.after = killed_after_its_note
    wake.set()
    with pytest.raises(Killed):
        await sleeping
    stage.store.after = None
    told = await stage.status()
    # Only finished runs have written this partition since the one that was killed, and a finished run has read it.
    assert (told.changed, told.outcome) == ({}, "proven"), told.explain()
