"""A mark for reading again, while two runs and the administrator are at work at once."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from stablecog_provider.adapters.memory import Call, MemoryObject
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, Stage, days_of, stage_of


async def _upscaled(stage: Stage) -> tuple[str, MemoryObject, MemoryObject, list[str]]:
    """An old day with upscales; its key, its versions without and with them, and the ids."""
    await stage.checked_run()
    day = sorted({output.g.date() for output in stage.simulated.visible(NOON)})[3]
    key = LAYOUT.partition(day)
    earlier = stage.store.objects[key]
    ids = [output.id for output in stage.simulated.visible(NOON) if output.g.date() == day][:5]
    for output_id in ids:
        stage.simulated.upscale(output_id, NOON + HOUR)
    stage.clock.advance(DAY)
    await stage.checked_run(lookback=30 * DAY)
    await stage.ordinary_runs(2)
    return key, earlier, stage.store.objects[key], ids


async def test_a_restore_while_the_day_is_being_read_again() -> None:
    """A run reads a marked day. Before it takes the mark off, an earlier version is restored, and another run notes it."""
    stage = stage_of(*days_of(150, 6))
    key, earlier, current, ids = await _upscaled(stage)
    # Copied onto itself: the next run marks it.
    stage.store.objects[key] = replace(current, version="touched")
    stage.simulated.add(stage.clock.now())
    stage.clock.advance(HOUR)
    first, second = stage.beside(), stage.beside()
    noted, read = asyncio.Event(), [0]
    tasks: list[asyncio.Task[Any]] = []

    async def meanwhile(call: Call) -> None:
        read[0] += call == Call("get", key) and not tasks
        if call == Call("put", LAYOUT.checkpoint) and read[0] == 2 and not tasks:
            # The first run has read the marked day, and is about to take the mark off.
            stage.store.objects[key] = earlier
            stage.simulated.add(stage.clock.now() - HOUR / 2, stage.clock.now() - HOUR / 3)
            tasks.append(asyncio.create_task(second.run(lookback=HOUR)))
            await noted.wait()

    async def after(call: Call) -> None:
        if call == Call("put", LAYOUT.checkpoint) and tasks and not noted.is_set():
            partitions = json.loads(stage.store.objects[LAYOUT.checkpoint].body)["partitions"]
            if partitions[key[-27:-17]]["version"] == earlier.version:
                noted.set()
                # The second run's next call comes after the first one's.
                for _ in range(200):
                    await asyncio.sleep(0)

    stage.store.before, stage.store.after = meanwhile, after
    await first.run(lookback=HOUR)
    assert tasks, "the second run was never started"
    report = await tasks[0]
    stage.store.before = stage.store.after = None
    lacks = [each for each in ids if (each, "upscaled") not in await stage.rows()]
    assert not (lacks and report.outcome == "proven"), (report.outcome, lacks, report.changed, report.reread)
