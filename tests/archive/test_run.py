"""A run from its first page to its proof, over the simulated account: what is archived, asked, claimed and said."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from stablecog_provider.errors import AnotherAccount, ConfigurationError
from stablecog_provider.model.coverage import Axis
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, PRESETS, Ascending, CursorKey, Dialect
from stablecog_provider.simulator.world import World
from support.scene import LAYOUT, Scene
from support.worlds import DAY, DENSITY, a_world, assert_complete, checkpoint


@pytest.mark.parametrize("per_page", [50, 300])
@pytest.mark.parametrize("density", DENSITY)
@pytest.mark.parametrize("dialect", PRESETS)
async def test_a_first_run_archives_all_and_proves_it(dialect: str, density: str, per_page: int) -> None:
    scene = Scene(a_world(**DENSITY[density]), PRESETS[dialect])
    report = await scene.run(per_page=per_page)
    assert report.outcome == "proven", report.explain()
    assert report.copied == len(await scene.rows()) > 500
    assert not report.holes
    await assert_complete(scene)


@pytest.mark.parametrize("dialect", PRESETS)
async def test_a_second_run_with_nothing_new_asks_little_and_fetches_nothing(dialect: str) -> None:
    scene = Scene(a_world(), PRESETS[dialect])
    await scene.run()
    before = dict(scene.store.objects)
    report = await scene.run()
    assert report.outcome == "proven"
    assert report.source_requests <= 5
    assert report.store_requests <= 13
    assert scene.images.asked == []
    changed = {key for key in scene.store.objects if scene.store.objects[key] is not before.get(key)}
    assert {key for key in changed if not key.startswith(LAYOUT.runs)} <= {LAYOUT.checkpoint}


@pytest.mark.parametrize("dialect", PRESETS)
async def test_late_arrivals_upscales_and_deletions_arrive_exactly(dialect: str) -> None:
    """40 late arrivals, 10 new upscales, 5 deletions: exactly the new is fetched, and deleted ones keep their images."""
    scene = Scene(a_world(future=0), PRESETS[dialect])
    await scene.run()
    present = scene.simulated.present
    known = scene.simulated.visible(present - timedelta(minutes=10))[-60:]
    upscaled, deleted = known[:10], known[10:15]
    late = []
    for number in range(40):
        requested = present - timedelta(seconds=200 - number)
        late += scene.simulated.add(requested, present + timedelta(seconds=30 + number))
    for output in upscaled:
        scene.simulated.upscale(output.id, present + timedelta(hours=1))
    for output in deleted:
        scene.simulated.delete(output.id, present + timedelta(hours=1))
    scene.clock.advance(timedelta(hours=2))
    rows_before = await scene.rows()
    report = await scene.run(lookback=timedelta(days=30))
    rows = await scene.rows()

    expected = {(output.id, "original") for output in late}
    if PRESETS[dialect] is CURRENT:
        expected |= {(output.id, "upscaled") for output in upscaled}
    unsettled = {key for key in rows if key not in rows_before} - expected
    assert set(rows) - set(rows_before) - unsettled == expected
    assert len(scene.images.asked) == len(set(scene.images.asked)) == len(expected) + len(unsettled)
    assert report.tombstoned == 5
    for output in deleted:
        row = rows[output.id, "original"]
        assert row.deleted_at is not None
        assert row.state == "archived"
        assert (row.uri or "").removeprefix(f"s3://{LAYOUT.bucket}/") in scene.store.objects
    assert report.outcome == "proven", report.explain()
    await assert_complete(scene)


async def test_a_deletion_long_before_the_lookback_is_found_by_the_counts() -> None:
    scene = Scene(a_world())
    await scene.run()
    old = next(iter(scene.simulated.visible()))
    scene.simulated.delete(old.id, scene.clock.now() + timedelta(hours=1))
    scene.clock.advance(timedelta(hours=2))
    report = await scene.run()
    assert (report.tombstoned, report.outcome) == (1, "proven")
    assert (await scene.rows())[old.id, "original"].deleted_at is not None


async def test_a_row_missing_from_the_manifest_is_found_and_read_again() -> None:
    scene = Scene(a_world())
    await scene.run()
    key = min(key for key in scene.store.objects if key.startswith(LAYOUT.manifest))
    # A tool of somebody else removed a partition, and the checkpoint knows of it nothing.
    lost = await scene.rows()
    del scene.store.objects[key]
    stale = checkpoint(scene)
    day = min(stale.partitions)
    unaware = replace(stale, partitions={known: each for known, each in stale.partitions.items() if known != day})
    scene.store.objects[LAYOUT.checkpoint] = replace(scene.store.objects[LAYOUT.checkpoint], body=unaware.to_json())
    report = await scene.run()
    assert report.outcome == "proven", report.explain()
    assert set(await scene.rows()) == set(lost)


async def test_an_account_emptied_at_once_sets_no_tombstones_unless_so_many_are_allowed() -> None:
    scene = Scene(a_world(future=0))
    await scene.run()
    outputs = list(scene.simulated.visible(scene.clock.now() + timedelta(hours=2)))
    for output in outputs:
        scene.simulated.delete(output.id, scene.clock.now() + timedelta(hours=1))
    scene.clock.advance(timedelta(hours=2))
    with pytest.raises(AnotherAccount, match="lists nothing"):
        await scene.run()
    report = await scene.run(allow_account_mismatch=True)
    assert (report.outcome, report.exit_code) == ("not proven", 3)
    (number,) = re.findall(r"--allow-deletions (\d+)", " ".join(report.explain()))
    assert all(row.deleted_at is None for row in (await scene.rows()).values())
    report = await scene.run(allow_deletions=int(number))
    assert (report.outcome, report.tombstoned) == ("proven", int(number)), report.explain()
    assert all(row.deleted_at is not None for row in (await scene.rows()).values())
    assert (await scene.run()).outcome == "proven"


async def test_changed_metadata_is_refreshed_without_a_fetch() -> None:
    scene = Scene(a_world(future=0))
    await scene.run()
    known = scene.simulated.visible()[-30]
    scene.simulated.favourite(known.id, scene.clock.now() + timedelta(minutes=1))
    scene.clock.advance(timedelta(hours=1))
    report = await scene.run()
    row = (await scene.rows())[known.id, "original"]
    assert (row.is_favorited, row.state, row.attempts) == (True, "archived", 1)
    assert report.refreshed >= 1


async def test_without_a_lookback_what_is_covered_is_not_read_again() -> None:
    scene = Scene(a_world(future=0))
    await scene.run()
    scene.clock.advance(timedelta(hours=1))
    await scene.run()
    report = await scene.run(lookback=timedelta(0))
    assert report.read == 0
    assert report.outcome == "proven"


async def test_a_source_that_learns_to_rise_changes_the_axis_and_loses_nothing() -> None:
    scene = Scene(a_world(), DOCUMENTED)
    assert (await scene.run()).axis is Axis.REQUESTED
    scene.dialect = CURRENT
    scene.clock.advance(DAY)
    report = await scene.run()
    assert (report.axis, report.outcome) == (Axis.COMPLETED, "proven"), report.explain()
    await assert_complete(scene)
    scene.dialect = DOCUMENTED
    scene.clock.advance(timedelta(hours=1))
    assert (await scene.run()).outcome == "proven"
    await assert_complete(scene)


@pytest.mark.parametrize(
    ("dialect", "walk"),
    [
        (CURRENT, "ascending"),
        (DOCUMENTED, "descending"),
        (replace(DOCUMENTED, counts_by_date=True), "descending"),
        (replace(CURRENT, ascending=Ascending.RISES), "descending"),
        (replace(CURRENT, ascending=Ascending.IGNORED), "descending"),
        (replace(CURRENT, counts_by_date=False), "ascending"),
        (replace(DOCUMENTED, cursor=CursorKey.OPAQUE, per_page=False), "documented"),
        (replace(CURRENT, cursor=CursorKey.OPAQUE), "documented"),
    ],
)
async def test_the_walk_is_chosen_by_what_the_source_can(dialect: Dialect, walk: str) -> None:
    scene = Scene(a_world(), dialect)
    report = await scene.run()
    assert report.walk == walk
    assert report.outcome == "proven", report.explain()
    await assert_complete(scene)
    if walk == "documented":
        assert any("opaque" in line for line in report.explain())


async def test_an_empty_account_is_proven_empty() -> None:
    scene = Scene(World.empty())
    report = await scene.run()
    assert report.outcome == "proven"
    scene.simulated.add(scene.clock.now() + timedelta(seconds=5), scene.clock.now() + timedelta(seconds=9))
    scene.clock.advance(timedelta(hours=1))
    assert (await scene.run()).copied == 1


async def test_start_and_end_bound_what_is_archived() -> None:
    scene = Scene(a_world(future=0))
    outputs = scene.simulated.visible()
    start, end = outputs[200].o, outputs[400].o
    report = await scene.run(start=start, end=end)
    assert report.outcome == "proven, in part", "the rest of the account was not compared"
    assert report.coverage.windows[0].start == start
    assert report.coverage.watermark == end
    for output in outputs:
        if start <= output.o < end:
            assert (output.id, "original") in await scene.rows()
    assert (await scene.run()).outcome == "proven"
    await assert_complete(scene)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"per_page": 0}, "per_page"),
        ({"per_page": 301}, "per_page"),
        ({"concurrency": 0}, "concurrency"),
        ({"lookback": timedelta(seconds=-1)}, "lookback"),
    ],
)
async def test_bad_settings_name_themselves(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        await Scene(World.empty()).run(**settings)


async def test_the_report_lies_in_the_bucket_and_carries_no_rows() -> None:
    scene = Scene(a_world(outputs=50))
    report = await scene.run()
    key = next(key for key in scene.store.objects if key.startswith(LAYOUT.runs))
    document = json.loads(scene.store.objects[key].body)
    assert document["run_id"] == report.run_id
    assert document["proof"]["agrees"] is True
    assert document["explanation"] == report.explain()
    assert len(json.dumps(report.summary())) < 4000


async def test_coverage_that_begins_later_says_so() -> None:
    scene = Scene(a_world(outputs=100, future=0))
    outputs = scene.simulated.visible()
    report = await scene.run(start=outputs[20].o)
    assert "from 2026" in report.explain()[0]
    assert "from" not in (await scene.run()).explain()[0]
