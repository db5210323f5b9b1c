"""An image that its host does not have, on a day of which no other image can be asked for."""

from __future__ import annotations

from stablecog_provider.errors import ImageGone
from stablecog_provider.model.object_keys import Rendition
from support.stage import DAY, NOON, days_of, every, stage_of


async def test_the_only_image_of_a_day_is_gone_once_its_host_serves_those_of_other_days() -> None:
    """One output a day, and nothing new: no other image is fetched in these runs, though the host has all of them."""
    stage = stage_of(*every(DAY, 10, DAY * 10))
    stage.images.broken[stage.simulated.visible(NOON)[4].file_name(Rendition.ORIGINAL)] = ImageGone("404")
    assert (await stage.run()).images.gone == 1
    reports = await stage.ordinary_runs(60)
    assert reports[-1].outcome == "proven", reports[-1].explain()


async def test_an_image_is_gone_though_those_of_deleted_outputs_are_gone_too() -> None:
    """Most outputs of its day are deleted, and their images with them; the host serves the others."""
    stage = stage_of(*days_of(20, 2))
    outputs = stage.simulated.visible(NOON)
    victim = outputs[3]
    stage.images.broken[victim.file_name(Rendition.ORIGINAL)] = ImageGone("404")
    await stage.run()
    for output in outputs[:20]:
        if output is not victim and output not in outputs[16:20]:
            stage.simulated.delete(output.id, stage.clock.now())
            stage.images.broken[output.file_name(Rendition.ORIGINAL)] = ImageGone("404")
    reports = await stage.ordinary_runs(60)
    assert reports[-1].outcome == "proven", reports[-1].explain()
