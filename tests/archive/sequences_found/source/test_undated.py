"""An output whose date could not be read for a while, and others that hide behind the row that stood in for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stablecog_provider.archive.rebuild import RebuildSettings, rebuild
from stablecog_provider.errors import AnotherAccount
from stablecog_provider.simulator.world import World
from support.archived import partitions
from support.scene import LAYOUT, Scene
from support.worlds import DAY, checkpoint

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def three_days() -> Scene:
    world = World.empty(NOON)
    for days in (3, 2, 1):
        at = NOON - days * DAY
        world.add(at, *[at + timedelta(seconds=9)] * 2)
    return Scene(world)


def without_date(output_id: str) -> Any:
    def spoil(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            if output["id"] == output_id:
                del output["generation"]["created_at"]

    return spoil


async def test_a_stand_in_ends_when_its_output_is_read_though_the_counts_agree() -> None:
    """A release elsewhere evens out what the stand-in adds to the sum."""
    scene = three_days()
    first, *_, last = scene.simulated.visible(NOON)
    first.deleted_at = NOON - DAY
    await scene.run()
    scene.spoil = without_date(last.id)
    await scene.run(lookback=3 * DAY)
    scene.spoil, first.deleted_at = None, None
    for _ in range(8):
        scene.clock.advance(DAY)
        report = await scene.run()
    assert report.outcome == "proven"
    live = [key for key, row in (await scene.rows()).items() if row.deleted_at is None]
    assert sorted(live) == sorted((output.id, "original") for output in scene.simulated.visible(scene.clock.now()))


async def test_the_last_output_of_an_account_is_found_behind_a_stand_in() -> None:
    """Its partition is lost, and the stand-in of an output that was deleted since makes the counts agree."""
    scene = three_days()
    first, *others = scene.simulated.visible(NOON)
    await scene.run()
    scene.spoil = without_date(others[-1].id)
    await scene.run(lookback=3 * DAY)
    for output in others:
        output.deleted_at = NOON
    del scene.store.objects[next(key for key in partitions(scene) if str(first.g.date()) in key)]
    scene.spoil = None
    scene.clock.advance(DAY)
    await rebuild(scene.ports(), RebuildSettings(layout=LAYOUT, allow_account_mismatch=True))
    with pytest.raises(AnotherAccount):
        await scene.run()
    await scene.run(allow_account_mismatch=True)
    scene.clock.advance(DAY)
    report = await scene.run()
    assert (report.outcome, checkpoint(scene).live) == ("proven", 1)
    assert (await scene.rows())[first.id, "original"].state == "archived"


@pytest.mark.parametrize("lost", [False, True])
async def test_a_run_of_a_part_marks_no_stand_in_as_deleted(lost: bool) -> None:
    """The source counts the output at its time; the manifest holds it under the beginning."""
    scene = three_days()
    first, *others, last = scene.simulated.visible(NOON)
    without = without_date(last.id)
    scene.spoil = without
    if lost:
        first.deleted_at = NOON - DAY
    await scene.run()
    first.deleted_at = None
    for start in (DAY * 1.5, DAY * 0.5, DAY * 2.5):
        scene.clock.advance(timedelta(hours=1))
        await scene.run(start=scene.clock.now() - start)
    for _ in range(8):
        scene.clock.advance(DAY)
        report = await scene.run()
    marked = [key for key, row in (await scene.rows()).items() if row.deleted_at is not None]
    assert not marked
    assert len({key[0] for key in await scene.rows()}) == 2 + len(others)
    assert not report.differences
    scene.spoil = None
    for _ in range(3):
        scene.clock.advance(DAY)
        report = await scene.run(lookback=30 * DAY)
    assert report.outcome == "proven"


async def test_a_stand_in_that_is_not_needed_takes_no_other_with_it() -> None:
    """The date of one output is unreadable from the beginning, that of another one only later."""
    scene = three_days()
    first, second, *_, last = scene.simulated.visible(NOON)
    without = [without_date(last.id)]

    def spoil(document: dict[str, Any]) -> None:
        for each in without:
            each(document)

    scene.spoil = spoil
    await scene.run()
    without.append(without_date(first.id))
    for _ in range(4):
        scene.clock.advance(timedelta(hours=1))
        report = await scene.run(lookback=4 * DAY)
    assert report.outcome == "proven, with failed images"
    rows = [row for row in (await scene.rows()).values() if row.output_id in (first.id, second.id, last.id)]
    assert {row.output_id for row in rows if row.deleted_at is None} == {first.id, second.id, last.id}


async def test_a_deletion_elsewhere_is_not_taken_for_that_of_a_stand_in() -> None:
    """In the same run, the date of a third output becomes unreadable."""
    scene = three_days()
    first, second, *_, last = scene.simulated.visible(NOON)
    without = [without_date(last.id)]

    def spoil(document: dict[str, Any]) -> None:
        for each in without:
            each(document)

    scene.spoil = spoil
    await scene.run()
    without.append(without_date(first.id))
    scene.simulated.delete(second.id, NOON)
    for _ in range(4):
        scene.clock.advance(timedelta(hours=1))
        report = await scene.run(lookback=4 * DAY)
        live = {row.output_id for row in (await scene.rows()).values() if row.deleted_at is None}
        assert {first.id, last.id} <= live
        assert second.id not in live
    assert report.outcome == "proven, with failed images"


async def test_a_stand_in_whose_output_is_deleted_ends() -> None:
    scene = three_days()
    *_, last = scene.simulated.visible(NOON)
    scene.spoil = without_date(last.id)
    await scene.run()
    scene.simulated.delete(last.id, NOON)
    for _ in range(3):
        scene.clock.advance(timedelta(hours=1))
        report = await scene.run()
    assert (await scene.rows())[last.id, "original"].deleted_at is not None
    assert report.outcome == "proven"
