"""The source names an earlier image again while its host is down."""

from __future__ import annotations

from stablecog_provider.errors import SourceUnavailable
from stablecog_provider.model.object_keys import Rendition
from support.scene import LAYOUT
from support.stage import NOON, days_of, stage_of


async def test_an_earlier_image_that_could_not_be_fetched_again_at_once_is_fetched_later() -> None:
    """Its object was deleted while it was only history; the run that sees it named again cannot fetch it."""
    stage = stage_of(*days_of(5, 2))
    output = stage.simulated.visible(NOON)[2]
    first = output.image_name
    await stage.run()
    (stored,) = [key for key in stage.store.objects if key.startswith(LAYOUT.images) and output.id in key]
    output.image_name = first[::-1]
    stage.simulated._know([output])
    await stage.ordinary_runs(1)
    del stage.store.objects[stored]
    output.image_name = first
    stage.images.broken[output.file_name(Rendition.ORIGINAL)] = SourceUnavailable("503")
    unstored = (await stage.ordinary_runs(1))[-1]
    stage.images.broken.clear()
    await stage.ordinary_runs(30)
    assert stored in stage.store.objects
    await stage.assert_nothing_lost()
    assert unstored.outcome == "proven, with failed images"
