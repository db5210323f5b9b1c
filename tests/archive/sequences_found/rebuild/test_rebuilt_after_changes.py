"""What a rebuild claims of what nobody has read, and beside a store that answers 404 once for an object that is there."""

from __future__ import annotations

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import ArchiveDamaged
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, Stage, days_of, stage_of


@pytest.mark.parametrize("number", [1, 5])
async def test_what_was_made_since_does_not_cancel_out_with_what_was_deleted(number: int) -> None:
    """The checkpoint is lost on a Friday, and rebuilt on Monday."""
    stage = stage_of(*days_of(20, 6))
    await stage.checked_run()
    await stage.ordinary_runs(3)
    friday = stage.clock.now()
    del stage.store.objects[LAYOUT.checkpoint]
    for hour in range(number):
        stage.simulated.add(friday + HOUR * (2 + hour), friday + HOUR * (2 + hour) + HOUR / 60)
    for output in stage.simulated.visible(NOON)[:number]:
        stage.simulated.delete(output.id, friday + HOUR)
    stage.clock.advance(DAY)
    with pytest.raises(ArchiveDamaged):
        await stage.run()
    stage.clock.advance(2 * DAY)
    report = await stage.rebuild()
    told = await stage.status()
    assert (report.exit_code, told.outcome == "proven") == (3, False)
    await stage.ordinary_runs(2)
    await stage.assert_nothing_lost()


def _answer_404_once(stage: Stage, key: str, which: int) -> None:
    """For the `which`th reading of the object."""
    readings, held = 0, stage.store.objects[key]

    def before(call: Call) -> None:
        nonlocal readings
        if call == Call("get", key):
            readings += 1
            if readings == which:
                del stage.store.objects[key]

    def after(call: Call) -> None:
        if call == Call("get", key) and readings == which:
            stage.store.objects[key] = held

    stage.store.before, stage.store.after = before, after


@pytest.mark.parametrize("which", range(1, 7))
async def test_one_404_for_a_partition_does_not_hide_lost_images(which: int) -> None:
    stage = stage_of(*days_of(5, 3))
    await stage.checked_run()
    await stage.ordinary_runs(2)
    day = stage.simulated.visible(NOON)[-1].g.date()
    for image in [each for each in stage.store.objects if each.startswith(LAYOUT.images_of(day))]:
        del stage.store.objects[image]
    _answer_404_once(stage, LAYOUT.partition(day), which)
    report = await stage.rebuild(check_images=True)
    assert len(report.lost_images) == 5


async def test_one_404_for_a_partition_that_a_run_merges_into() -> None:
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    newest = stage.simulated.visible(NOON)[-1]
    stage.simulated.upscale(newest.id, NOON + HOUR)
    stage.clock.advance(2 * HOUR)
    _answer_404_once(stage, LAYOUT.partition(newest.g.date()), 2)
    await stage.run(lookback=30 * DAY)
    assert (newest.id, "upscaled") in await stage.rows()
