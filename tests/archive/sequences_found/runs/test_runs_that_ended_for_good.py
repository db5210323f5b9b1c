"""Runs that nobody starts any more, while something else goes on."""

from __future__ import annotations

from datetime import timedelta

from stablecog_provider.adapters.memory import FixedClock
from stablecog_provider.archive.reports.limits import Limits
from stablecog_provider.archive.status import status
from support.scene import LAYOUT
from support.stage import DAY, HOUR, days_of, stage_of


async def test_a_verdict_is_out_of_date_although_slices_of_a_verify_fill_the_reports() -> None:
    stage = stage_of(*days_of(5, 3))
    await stage.ordinary_runs(5)
    for _ in range(40):
        stage.clock.advance(6 * HOUR)
        await stage.verify(budget="1")
    found = await stage.status()
    assert (found.outcome, found.schedule) == ("proven, but out of date", DAY)
    assert found.last_run is not None


async def test_marks_of_a_clock_that_was_ahead_keep_no_limit() -> None:
    """Nothing else says that these images were ever verified."""
    stage = stage_of(*days_of(5, 3))
    await stage.ordinary_runs(1)
    stage.our_clock = FixedClock(stage.clock.now() + 400 * DAY)
    await stage.verify()
    stage.our_clock = stage.clock
    stage.clock.advance(60 * DAY)
    await stage.run()
    found = await status(stage.store, LAYOUT, stage.clock.now(), Limits(unverified=timedelta(days=30)))
    assert found.verification.never == 15
    assert any("15 images were not verified for longer, or never" in each for each in found.broken)
