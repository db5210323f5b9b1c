"""A checkpoint that is lost: while a run is at work, or before a rebuild with a colleague's key."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from archive.sequences.test_account import world_of
from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import AnotherAccount, ArchiveDamaged
from support.scene import LAYOUT
from support.stage import DAY, NOON, days_of, stage_of


@pytest.mark.parametrize("share", [0.1, 0.5])
async def test_a_colleagues_key_is_refused(share: float) -> None:
    """The colleague's account shares some outputs. Nothing says which periods were covered."""
    stage = stage_of(*days_of(40, 10))
    await stage.checked_run()
    shared = [each for number, each in enumerate(stage.simulated.visible(NOON)) if number % 10 < share * 10]
    others = [ago - timedelta(seconds=30) for ago in days_of(40, 10)][:: round(1 / (1 - share))]
    stage.simulated = world_of(shared, seed=9, own=others)
    del stage.store.objects[LAYOUT.checkpoint]
    before = dict(stage.store.objects)
    stage.clock.advance(DAY)
    with pytest.raises(AnotherAccount):
        await stage.rebuild()
    assert stage.store.objects == before


async def test_an_account_that_was_archived_in_part_is_recognised() -> None:
    stage = stage_of(*days_of(40, 10))
    await stage.run(start=NOON - 5 * DAY)
    del stage.store.objects[LAYOUT.checkpoint]
    await stage.rebuild()
    assert (await stage.ordinary_runs(2))[-1].outcome == "proven"


async def test_a_run_never_replaces_a_lost_checkpoint() -> None:
    """A worker sleeps while another run completes the archive. Then the checkpoint is deleted."""
    stage = stage_of(*days_of(20, 6))
    worker = stage.beside()
    asleep, wake = asyncio.Event(), asyncio.Event()

    async def sleep(call: Call) -> None:
        if call.operation == "put" and call.key.startswith(LAYOUT.images) and not asleep.is_set():
            asleep.set()
            await wake.wait()

    stage.store.before = sleep
    working = asyncio.create_task(worker.run(start=NOON - 2 * DAY))
    await asleep.wait()
    assert (await stage.run()).outcome == "proven"
    del stage.store.objects[LAYOUT.checkpoint]
    wake.set()

    with pytest.raises(ArchiveDamaged, match="lost"):
        await working
    assert LAYOUT.checkpoint not in stage.store.objects
