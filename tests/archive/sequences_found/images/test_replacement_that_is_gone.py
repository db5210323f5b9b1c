"""An image that the source replaced by one that its host never has."""

from __future__ import annotations

from stablecog_provider.errors import ImageGone
from stablecog_provider.model.object_keys import Rendition
from support.stage import NOON, days_of, stage_of


async def test_a_replacement_that_is_long_gone_is_no_image_to_be_retried_for_ever() -> None:
    """As an image that was never there: after six answers over days, nobody need be told again."""
    stage = stage_of(*days_of(5, 2))
    output = stage.simulated.visible(NOON)[-1]
    await stage.run()
    output.image_name = output.image_name[::-1]
    stage.images.broken[output.file_name(Rendition.ORIGINAL)] = ImageGone("404")
    assert (await stage.ordinary_runs(60))[-1].outcome == "proven"
