"""A run has read a partition. An earlier version is restored, and another process marks it for reading. The run continues."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.archive.reports.run import RunReport
from support.killed import Killed
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, Stage, days_of, stage_of


async def _asleep_while(stage: Stage, act: Callable[[], Awaitable[None]]) -> RunReport:
    """A run that sleeps while it copies its first image; meanwhile `act`."""
    asleep, wake = asyncio.Event(), asyncio.Event()

    async def sleep(call: Call) -> None:
        if call.operation == "put" and call.key.startswith(LAYOUT.images) and not asleep.is_set():
            asleep.set()
            await wake.wait()

    stage.store.before = sleep
    working = asyncio.create_task(stage.beside().run(lookback=30 * DAY))
    await asleep.wait()
    stage.store.before = None
    await act()
    wake.set()
    return await working


@pytest.mark.parametrize("marked_by", ["rebuild", "killed run"])
async def test_a_restored_day_is_read_with_fresh_eyes(marked_by: str) -> None:
    stage = stage_of(*days_of(150, 6))
    await stage.checked_run()
    day = min(stage.simulated.visible(NOON), key=lambda output: output.g).g.date()
    key = LAYOUT.partition(day)
    earlier = stage.store.objects[key]
    ids = [output.id for output in stage.simulated.visible(NOON) if output.g.date() == day][:5]
    for output_id in ids:
        stage.simulated.upscale(output_id, NOON + HOUR)
    stage.clock.advance(DAY)
    await stage.checked_run(lookback=30 * DAY)
    await stage.ordinary_runs(2)
    stage.simulated.add(stage.clock.now())
    stage.clock.advance(HOUR)

    async def act() -> None:
        stage.store.objects[key] = earlier
        if marked_by == "rebuild":
            await stage.rebuild()
            return

        def die(call: Call) -> None:
            if call == Call("put", LAYOUT.checkpoint):
                raise Killed

        stage.store.after = die
        with suppress(Killed):
            await stage.beside().run()
        stage.store.after = None

    report = await _asleep_while(stage, act)
    told = await stage.status()
    missing = {(output_id, "upscaled") for output_id in ids} - (await stage.rows()).keys()
    assert not missing or told.reread or "proven" not in (report.outcome, told.outcome)
