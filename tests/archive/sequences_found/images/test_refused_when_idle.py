"""Images on a host that is not allowed, in an account where nothing is new."""

from __future__ import annotations

from stablecog_provider.errors import ImageRefused
from stablecog_provider.model.object_keys import Rendition
from support.stage import NOON, days_of, stage_of


async def test_refused_images_stop_no_run_of_an_archive_that_holds_others() -> None:
    """30 of 60 images are on a foreign host. The first run records that; they are due again in one that has nothing new."""
    stage = stage_of(*days_of(20, 3))
    for output in stage.simulated.visible(NOON)[30:]:
        stage.images.broken[output.file_name(Rendition.ORIGINAL)] = ImageRefused("cdn.test is not an allowed host")
    report = await stage.run()
    assert report.outcome == "proven, with failed images"
    reports = await stage.ordinary_runs(3)
    assert {each.outcome for each in reports} == {"proven, with failed images"}
