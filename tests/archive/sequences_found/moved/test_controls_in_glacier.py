"""A 404 while images of an unreadable day would tell whether the host serves others."""

from __future__ import annotations

from stablecog_provider.errors import ImageGone
from support.injured import freeze
from support.stage import DAY, days_of, stage_of


async def test_images_of_a_day_that_cannot_be_read_are_no_controls() -> None:
    stage = stage_of(*days_of(5, 4))
    outputs = sorted(stage.simulated.visible(), key=lambda each: each.g)
    await stage.checked_run()
    stage.clock.advance(40 * DAY)
    stage.simulated.add(stage.clock.now() - DAY, stage.clock.now() - DAY)
    # The host serves nothing at the moment, so that every day with images is asked for controls.
    for output in stage.simulated.visible(stage.clock.now()):
        stage.images.broken[f"{output.image_name}.{output.extension}"] = ImageGone("404")
    freeze(stage, outputs[-1].g.date())
    report = await stage.checked_run()
    assert (report.new, report.failed) == (1, 1)
    stage.images.broken.clear()
    stage.store.before = None
    await stage.ordinary_runs(3)
    await stage.assert_nothing_lost()
