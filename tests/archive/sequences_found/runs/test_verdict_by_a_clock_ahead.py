"""The last run was made by a machine whose clock was months ahead, and no other follows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import FixedClock
from stablecog_provider.archive.status import Limits, status
from support.scene import LAYOUT
from support.stage import DAY, Stage, days_of, stage_of


async def _proven_ahead(by: timedelta) -> Stage:
    stage = stage_of(*days_of(20, 4))
    await stage.ordinary_runs(4)
    stage.our_clock = FixedClock(stage.clock.now() + by)
    await stage.run()
    stage.our_clock = stage.clock
    return stage


@pytest.mark.parametrize("limits", [Limits(), Limits(lag=timedelta(hours=36))])
async def test_its_verdict_is_out_of_date_before_that_time(limits: Limits) -> None:
    stage = await _proven_ahead(400 * DAY)
    stage.clock.advance(60 * DAY)
    told = await status(stage.store, LAYOUT, stage.clock.now(), limits)
    assert (told.outcome, told.exit_code) == ("proven, but out of date", 3)
    assert "by a clock that was ahead" in " ".join(told.explain())
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"


async def test_a_clock_that_is_a_little_ahead_changes_nothing() -> None:
    stage = await _proven_ahead(timedelta(hours=3))
    assert (await stage.status()).outcome == "proven"
