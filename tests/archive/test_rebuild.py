"""A rebuild ends in the state that the runs had reached, claims no more than can be shown, and overwrites nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import ArchiveDamaged, ConfigurationError, StoreUnavailable
from stablecog_provider.simulator.dialect import CURRENT, PRESETS
from support.archived import HOURS, a_past_world, archived, assert_as_before, fixities, images, put, read_all, rebuilt
from support.injured import garble_partition, rows_of
from support.scene import LAYOUT, Scene
from support.worlds import checkpoint, newest_report


@pytest.mark.parametrize("dialect", PRESETS)
async def test_a_rebuild_of_an_intact_archive_ends_in_the_same_state(dialect: str) -> None:
    scene = await archived(dialect=PRESETS[dialect])
    before, covered = checkpoint(scene), await read_all(scene)
    report = await rebuilt(scene)
    after = checkpoint(scene)
    assert (report.outcome, report.exit_code) == ("rebuilt", 0), report.explain()
    assert report.source_requests <= 6
    assert after.partitions == before.partitions
    assert (after.axis, after.store_probed) == (before.axis, before.store_probed)
    assert after.coverage == covered


async def test_what_is_new_since_the_last_run_stays_a_gap_of_seconds() -> None:
    scene = await archived()
    made = scene.clock.now() + timedelta(minutes=30)
    scene.simulated.add(made, made + timedelta(seconds=9))
    scene.clock.advance(HOURS)
    report = await rebuilt(scene)
    assert report.outcome == "rebuilt, with gaps"
    assert report.coverage.watermark is not None
    assert timedelta(0) <= made - report.coverage.watermark <= timedelta(seconds=1)
    assert (await scene.run()).copied == 1


async def test_where_only_a_total_is_told_a_difference_covers_nothing_and_copies_nothing() -> None:
    scene = await archived(dialect=replace(CURRENT, counts_by_date=False))
    rows, bodies = await fixities(scene), images(scene)
    scene.simulated.delete(next(iter(scene.simulated.visible())).id, scene.clock.now())
    report = await rebuilt(scene)
    assert not report.coverage
    assert "copies no image that the manifest holds" in "\n".join(report.explain())
    await assert_as_before(scene, rows, bodies)
    assert scene.images.asked == []


async def test_a_rebuild_never_overwrites_a_run_that_saved_meanwhile() -> None:
    scene = await archived()
    fresh = checkpoint(scene)

    def race(call: Call) -> None:
        if call.operation == "put" and call.key == LAYOUT.checkpoint:
            scene.store.before = None
            put(scene, LAYOUT.checkpoint, replace(fresh, run_id="rival").to_json())

    scene.store.before = race
    with pytest.raises(StoreUnavailable, match="another run during the rebuild"):
        await rebuilt(scene)
    assert checkpoint(scene).run_id == "rival"


async def test_where_nothing_is_there_is_nothing_to_rebuild() -> None:
    scene = Scene(a_past_world())
    with pytest.raises(ConfigurationError, match="no archive at"):
        await rebuilt(scene)
    assert scene.store.objects == {}


async def test_a_rebuild_that_fails_leaves_a_report_and_one_that_is_refused_leaves_none() -> None:
    scene = await archived()

    async def refused(call: Call) -> None:
        if (call.operation, call.key) == ("put", LAYOUT.checkpoint):
            raise StoreUnavailable("the store is down", hint="try again")

    scene.store.before = refused
    scene.clock.advance(HOURS)
    with pytest.raises(StoreUnavailable):
        await rebuilt(scene)
    document = newest_report(scene)
    assert (document["kind"], document["outcome"], document["error"]) == ("rebuild", "failed", "StoreUnavailable")
    scene.store.before = None
    assert (await rebuilt(scene)).outcome == "rebuilt"
    garble_partition(scene, (await rows_of(scene))[0])
    reports = [key for key in scene.store.objects if key.startswith(LAYOUT.runs)]
    with pytest.raises(ArchiveDamaged):
        await rebuilt(scene)
    assert [key for key in scene.store.objects if key.startswith(LAYOUT.runs)] == reports
