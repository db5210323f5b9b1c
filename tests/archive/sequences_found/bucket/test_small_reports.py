"""What `status` and `rebuild` say beside files of others, and after a kill."""

from __future__ import annotations

import pytest

from stablecog_provider.adapters.memory import Call, MemoryObject
from support.killed import Killed
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, days_of, stage_of


async def test_a_note_under_runs_hides_no_report() -> None:
    stage = stage_of(*days_of(5, 2))
    first = await stage.checked_run()
    stage.store.objects[LAYOUT.key("runs/readme.txt")] = MemoryObject(b"do not delete", "x", "", {})
    stage.clock.advance(DAY)

    def die(call: Call) -> None:
        if call.operation == "put" and call.key.startswith(LAYOUT.runs):
            raise Killed

    stage.store.before = die
    with pytest.raises(Killed):
        await stage.run()
    stage.store.before = None
    told = await stage.status()
    assert told.last_run is not None
    assert told.last_run.run_id == first.run_id


async def test_what_a_killed_rebuild_moved_is_named_by_the_next() -> None:
    stage = stage_of(*days_of(20, 4))
    await stage.checked_run()
    key = LAYOUT.partition((NOON - DAY).date())
    stage.store.objects[key] = MemoryObject(b"PAR1", "bad", "", {})

    def die(call: Call) -> None:
        if call == Call("put", key):
            raise Killed

    stage.store.after = die
    with pytest.raises(Killed):
        await stage.rebuild(set_aside_damaged=True)
    stage.store.after = None
    stage.clock.advance(HOUR)
    report = await stage.rebuild(set_aside_damaged=True)
    (moved,) = report.set_aside_before
    assert stage.body_of(moved) == b"PAR1"
    assert any(moved in line for line in report.explain())
