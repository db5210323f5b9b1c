"""Images on a host that is not allowed, in an account whose other images are on one that is."""

from __future__ import annotations

from typing import Any

from stablecog_provider.errors import ImageRefused
from stablecog_provider.model.object_keys import Rendition
from support.stage import NOON, days_of, stage_of


async def test_refused_images_stop_no_run_of_an_archive_that_holds_others() -> None:
    """30 of 60. The first run records that; they are due again in one that has nothing new."""
    stage = stage_of(*days_of(20, 3))
    foreign = {output.id: output for output in stage.simulated.visible(NOON)[30:]}
    for output in foreign.values():
        stage.images.broken[output.file_name(Rendition.ORIGINAL)] = ImageRefused("cdn.test is not an allowed host")

    def spoil(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            if output["id"] in foreign:
                output["image_url"] = output["image_url"].replace("simulated.test", "cdn.test")

    stage.spoil = spoil
    report = await stage.run()
    assert report.outcome == "proven, with failed images"
    reports = await stage.ordinary_runs(3)
    assert {each.outcome for each in reports} == {"proven, with failed images"}
