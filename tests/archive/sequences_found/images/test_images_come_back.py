"""The source names an earlier image again."""

from __future__ import annotations

from support.scene import LAYOUT
from support.stage import NOON, days_of, stage_of


async def test_an_earlier_image_that_is_named_again_is_stored_again() -> None:
    """Its object was deleted while it was only history, where `--check-images` does not look."""
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
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"
    assert stored in stage.store.objects
    await stage.assert_nothing_lost()
