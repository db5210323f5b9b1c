"""The exit code of a rebuild: 3 if the next run has something to fill in (docs/cli.md)."""

from __future__ import annotations

from typing import Any

from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, days_of, stage_of


async def test_a_rebuild_that_keeps_a_difference_leaves_something_to_the_next_run() -> None:
    """An output is counted and not listed, and another one of its day was deleted since: together, the counts agree."""
    stage = stage_of(*days_of(20, 6))
    outputs = stage.simulated.visible(NOON)

    def hide(document: dict[str, Any]) -> None:
        document["outputs"] = [output for output in document["outputs"] if output["id"] != outputs[3].id]

    stage.spoil = hide
    assert (await stage.run()).outcome == "not proven"
    stage.simulated.delete(outputs[7].id, NOON + HOUR)
    stage.clock.advance(DAY)
    report = await stage.rebuild()
    assert (await stage.status()).outcome == "not proven"
    assert report.exit_code == 3, report.explain()


async def test_a_rebuild_of_an_archive_with_lost_images_leaves_them_to_the_next_run() -> None:
    stage = stage_of(*days_of(5, 2))
    await stage.run()
    stage.clock.advance(DAY)
    del stage.store.objects[next(key for key in stage.store.objects if key.startswith(LAYOUT.images))]
    await stage.rebuild(check_images=True)
    report = await stage.rebuild()
    assert (await stage.status()).images.lost == 1
    assert report.exit_code == 3, report.explain()
