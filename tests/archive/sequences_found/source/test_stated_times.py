"""As of when something is claimed, if a clock was wrong for one run."""

from __future__ import annotations

from datetime import timedelta

from stablecog_provider.adapters.memory import FixedClock
from support.stage import DAY, HOUR, NOON, days_of, stage_of


async def test_a_clock_that_was_ahead_for_one_run_dates_no_second_reading_ahead() -> None:
    """An upscale comes after its slice was read, and before the instant that the wrong clock told."""
    stage = stage_of(*days_of(200, 6))
    await stage.run()
    stage.clock.advance(HOUR)
    stage.our_clock = FixedClock(stage.clock.now() + 40 * DAY)
    await stage.run()
    stage.our_clock = stage.clock
    stage.simulated.upscale(stage.simulated.visible(NOON)[0].id, NOON + timedelta(hours=2))
    # Each of these runs holds its claims against the truth.
    assert (await stage.ordinary_runs(8))[-1].sweep.rounds
