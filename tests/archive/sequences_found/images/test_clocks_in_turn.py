"""Two machines that archive in turn, one of whose clocks is days ahead."""

from __future__ import annotations

from datetime import timedelta

from stablecog_provider.adapters.memory import FixedClock
from stablecog_provider.errors import ImageGone
from stablecog_provider.model.object_keys import Rendition
from support.stage import DAY, NOON, days_of, stage_of


async def test_an_image_is_not_long_gone_within_minutes() -> None:
    """The clock that is ahead lets one rest pass; after that, no attempt counts until it is over by that clock, too."""
    stage = stage_of(*days_of(20, 6))
    victim = stage.simulated.visible(NOON)[50]
    stage.images.broken[victim.file_name(Rendition.ORIGINAL)] = ImageGone("404")
    for turn in range(10):
        stage.our_clock = FixedClock(stage.clock.now() + 5 * DAY) if turn % 2 else stage.clock
        assert (await stage.run()).outcome == "proven, with failed images"
        stage.clock.advance(timedelta(minutes=5))
    assert (await stage.rows())[victim.id, Rendition.ORIGINAL].attempts == 2
