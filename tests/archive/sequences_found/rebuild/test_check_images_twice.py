"""Images that were marked as lost by an earlier check."""

from __future__ import annotations

from support.scene import LAYOUT
from support.stage import days_of, stage_of


async def test_a_second_check_of_images_does_not_say_that_lost_ones_are_there() -> None:
    """They are still missing: no run came between the two checks."""
    stage = stage_of(*days_of(5, 2))
    await stage.run()
    for key in [key for key in stage.store.objects if key.startswith(LAYOUT.images)][:3]:
        del stage.store.objects[key]
    first = await stage.rebuild(check_images=True)
    assert (first.outcome, len(first.lost_images)) == ("rebuilt, with gaps", 3)
    again = await stage.rebuild(check_images=True)
    assert "each is in the bucket" not in "\n".join(again.explain())
    assert (again.outcome, again.exit_code) == ("rebuilt, with gaps", 3)
