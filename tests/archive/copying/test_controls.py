"""What it costs to find out whether a host that answers 404 serves any image at all."""

from __future__ import annotations

from datetime import timedelta

from stablecog_provider.archive.committing.controls import CONTROLS
from stablecog_provider.errors import ImageGone
from stablecog_provider.model.object_keys import Rendition
from support.scene import Scene
from support.worlds import a_world


async def test_a_host_that_answers_404_to_everything_is_asked_a_few_times_more_than_there_are_images() -> None:
    scene = Scene(a_world(300, days=2, future=200))
    before = {output.id for output in scene.simulated.visible(scene.clock.now())}
    scene.clock.advance(timedelta(minutes=1))
    assert (await scene.run()).copied >= 290
    scene.clock.advance(timedelta(hours=4))
    outputs = scene.simulated.visible(scene.clock.now())
    for output in outputs:
        scene.images.broken[output.file_name(Rendition.ORIGINAL)] = ImageGone("404")
    report = await scene.run()
    new = [output for output in outputs if output.id not in before]
    assert len(new) >= 100
    assert report.gone == 0, "the host may have forgotten them all for an hour"
    assert len(new) <= len(scene.images.asked) <= len(new) + 10 + CONTROLS
