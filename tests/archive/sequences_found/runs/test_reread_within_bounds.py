"""Reading a changed day again, in an archive that begins in the middle of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from support.scene import LAYOUT
from support.stage import HOUR, NOON, every, stage_of


async def test_nothing_before_the_start_is_archived() -> None:
    stage = stage_of(*every(timedelta(minutes=30), 48, timedelta(hours=60)))
    start = NOON - timedelta(hours=48)
    await stage.run(start=start)
    held = len(await stage.rows())
    key = LAYOUT.partition(start.date())
    stage.store.objects[key] = replace(stage.store.objects[key], version="touched")
    stage.clock.advance(HOUR)
    await stage.run(start=start)
    rows = (await stage.rows()).values()
    assert not (await stage.status()).reread
    assert (len(rows), [row.key for row in rows if (row.output_created_at or row.created_at) < start]) == (held, [])
