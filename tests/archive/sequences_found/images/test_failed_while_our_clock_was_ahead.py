"""A run whose clock was months ahead could not fetch some images."""

from __future__ import annotations

from stablecog_provider.adapters.memory import FixedClock
from stablecog_provider.errors import SourceUnavailable
from support.stage import DAY, days_of, stage_of


async def test_they_are_retried_by_the_next_run() -> None:
    stage = stage_of(*days_of(20, 60))
    stage.our_clock = FixedClock(stage.clock.now() + 60 * DAY)
    stage.images.down["simulated.test"] = SourceUnavailable("503")
    await stage.run()
    stage.our_clock = stage.clock
    stage.images.down.clear()
    stage.clock.advance(DAY)
    await stage.run()
    await stage.assert_nothing_lost()
