"""A change log that is lost, while the archive goes on: a lifecycle rule, or a move without it."""

from __future__ import annotations

import pytest

from stablecog_provider.archive.changes import ChangesSettings, changes
from support.scene import LAYOUT
from support.stage import DAY, HOUR, Stage, days_of, stage_of


async def _runs(stage: Stage, count: int) -> None:
    for _ in range(count):
        stage.clock.advance(DAY)
        stage.simulated.add(stage.clock.now() - HOUR, stage.clock.now() - HOUR)
        await stage.checked_run()


@pytest.mark.parametrize("rebuilt", [False, True])
async def test_a_follower_is_told_that_records_are_missing(rebuilt: bool) -> None:
    """It has read a few records. The new ones would have the numbers that it expects next."""
    stage = stage_of(*days_of(5, 3))
    await _runs(stage, 2)
    before = await changes(stage.store, ChangesSettings(LAYOUT))
    await _runs(stage, 1)
    for key in [key for key in stage.store.objects if key.startswith(LAYOUT.changes)]:
        del stage.store.objects[key]
    if rebuilt:
        await stage.rebuild()
    await _runs(stage, 4)
    after = await changes(stage.store, ChangesSettings(LAYOUT, before.next))
    assert not after.is_complete
    # From there on, it follows as before.
    await _runs(stage, 1)
    assert (await changes(stage.store, ChangesSettings(LAYOUT, after.next))).is_complete


async def test_nor_does_it_begin_again_if_only_images_and_manifest_were_moved() -> None:
    stage = stage_of(*days_of(5, 3))
    await _runs(stage, 1)
    before = await changes(stage.store, ChangesSettings(LAYOUT))
    for key in [key for key in stage.store.objects if key.startswith(LAYOUT.changes)]:
        del stage.store.objects[key]
    del stage.store.objects[LAYOUT.checkpoint]
    await stage.rebuild()
    after = await changes(stage.store, ChangesSettings(LAYOUT, before.next))
    assert not after.is_complete
    await _runs(stage, 1)
    follow = await changes(stage.store, ChangesSettings(LAYOUT, after.next))
    assert follow.is_complete
    assert follow.records
