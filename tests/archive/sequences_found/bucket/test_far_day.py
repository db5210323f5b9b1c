"""Objects of other tools under days on which no output can have been requested, such as the one that many use for "no end"."""

from __future__ import annotations

import pytest

from stablecog_provider.adapters.memory import MemoryObject
from support.stage import DAY, days_of, stage_of


@pytest.mark.parametrize("day", ["9999-12-31", "2200-01-01", "0001-01-01", "1970-01-01", "1999-12-31"])
async def test_they_are_ignored(day: str) -> None:
    stage = stage_of(*days_of(20, 4))
    await stage.checked_run()
    key = f"stablecog/manifest/dt={day}/manifest.parquet"
    stage.store.objects[key] = MemoryObject(b"placeholder", "x", "", {})

    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"
    stage.clock.advance(DAY)
    assert (await stage.rebuild()).exit_code == 0
    assert stage.store.objects[key].body == b"placeholder"
