"""A run from its first page to its proof, over the simulated account: what is archived, asked, claimed and said."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import ANY

import pytest

from archive.simulated import ADDRESS, LAYOUT, Scene, small_jpeg
from stablecog_provider.adapters.memory import Call, FixedClock, MemoryObjectStore
from stablecog_provider.errors import (
    ArchiveDamaged,
    ConfigurationError,
    ImageGone,
    ImageRejected,
    SourceUnavailable,
    StoreUnavailable,
    UnsafeStore,
)
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.coverage import Axis
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, PRESETS, Ascending, CursorKey, Dialect
from stablecog_provider.simulator.world import World

DAY = timedelta(days=1)
DENSITY = {"human": {"every": 20.0, "days": 10}, "dense": {"every": 0.25, "days": 2}}


def a_world(outputs: int = 600, **settings: object) -> World:
    return World.generate(**{"seed": 5, "outputs": outputs, "days": 10, "quiet": True, **settings})  # type: ignore[arg-type]


def checkpoint(scene: Scene) -> Checkpoint:
    return Checkpoint.from_json(scene.store.objects[LAYOUT.checkpoint].body)


async def assert_complete(scene: Scene, settling: timedelta = timedelta(seconds=331)) -> None:
    """Every live output older than `settling` has its rows, and each archived row's bytes lie where it says."""
    rows, now = await scene.rows(), scene.clock.now()
    for output in scene.simulated.visible(now - settling):
        if output.deleted_at and output.deleted_at <= now:
            continue
        for rendition in Rendition:
            if rendition is Rendition.ORIGINAL:
                assert (output.id, rendition) in rows
            if (row := rows.get((output.id, rendition))) and row.state == "archived":
                key = (row.uri or "").removeprefix(f"s3://{LAYOUT.bucket}/")
                assert scene.store.objects[key].body == small_jpeg(output.file_name(rendition))
                assert scene.store.objects[key].metadata["sha256"] == row.sha256
                assert row.bytes == len(scene.store.objects[key].body)


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
    assert report.store_requests <= 10
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
    day = min(stale.days)
    versions = {known: version for known, version in stale.versions.items() if known != day}
    unaware = replace(stale, days={**stale.days, day: 0}, versions=versions)
    scene.store.objects[LAYOUT.checkpoint] = replace(scene.store.objects[LAYOUT.checkpoint], body=unaware.to_json())
    report = await scene.run()
    assert report.outcome == "proven", report.explain()
    assert set(await scene.rows()) == set(lost)


async def test_an_account_emptied_at_once_sets_no_tombstones() -> None:
    scene = Scene(a_world(future=0))
    await scene.run()
    for output in list(scene.simulated.visible(scene.clock.now() + timedelta(hours=2))):
        scene.simulated.delete(output.id, scene.clock.now() + timedelta(hours=1))
    scene.clock.advance(timedelta(hours=2))
    report = await scene.run()
    assert report.outcome == "not proven"
    assert report.exit_code == 3
    assert any("right account" in line for line in report.explain())
    assert all(row.deleted_at is None for row in (await scene.rows()).values())


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


async def test_failed_images_become_rows_and_are_tried_again_when_due() -> None:
    scene = Scene(a_world(future=0))
    victims = scene.simulated.visible()[:3]
    for output in victims:
        scene.images.broken[output.file_name(Rendition.ORIGINAL)] = ImageRejected("an HTML page in place of an image")
    report = await scene.run()
    assert (report.failed, report.outcome, report.exit_code) == (3, "proven, with failed images", 3)
    assert {failure.output_id for failure in report.failures} == {output.id for output in victims}
    assert "HTML page" in "\n".join(report.explain())
    row = (await scene.rows())[victims[0].id, "original"]
    assert (row.state, row.attempts, row.uri) == ("failed", 1, None)
    assert report.coverage.watermark == scene.clock.now() - timedelta(seconds=30), "a failed image holds nothing back"

    scene.images.broken.clear()
    assert (await scene.run()).copied == 0, "not due yet"
    scene.clock.advance(timedelta(hours=2))
    report = await scene.run()
    assert report.outcome == "proven"
    assert {output.file_name(Rendition.ORIGINAL) for output in victims} <= {
        url.rpartition("/")[2] for url in scene.images.asked
    }
    row = (await scene.rows())[victims[0].id, "original"]
    assert (row.state, row.attempts, row.error) == ("archived", 2, None)


async def test_an_image_that_is_gone_is_not_asked_for_again() -> None:
    scene = Scene(a_world(future=0))
    victim = scene.simulated.visible()[5]
    scene.simulated.delete(victim.id, victim.o + timedelta(seconds=1), image_too=True)
    gone = scene.simulated.visible()[7]
    scene.images.broken[gone.file_name(Rendition.ORIGINAL)] = ImageGone("404")
    report = await scene.run()
    assert (report.gone, report.outcome) == (1, "proven, with failed images"), "one 404 may be a slip of the host"
    for _ in range(2):
        scene.clock.advance(DAY * 30)
        report = await scene.run(lookback=DAY * 60)
        assert [url for url in scene.images.asked if gone.file_name(Rendition.ORIGINAL) in url]
    assert report.outcome == "proven"
    scene.clock.advance(DAY * 30)
    await scene.run(lookback=DAY * 60)
    assert not [url for url in scene.images.asked if gone.file_name(Rendition.ORIGINAL) in url]


async def test_an_image_that_comes_back_is_archived() -> None:
    scene = Scene(a_world(outputs=60, future=0))
    name = scene.simulated.visible()[7].file_name(Rendition.ORIGINAL)
    scene.images.broken[name] = ImageGone("404")
    await scene.run()
    scene.images.broken.clear()
    scene.clock.advance(timedelta(hours=2))
    assert (await scene.run()).outcome == "proven"
    assert not [row for row in (await scene.rows()).values() if row.state != "archived"]


async def test_a_store_that_ignores_conditions_is_refused_unless_allowed() -> None:
    scene = Scene(a_world(outputs=20), store=MemoryObjectStore(ignores_conditions=True))
    with pytest.raises(UnsafeStore, match="ignores conditional writes"):
        await scene.run()
    assert not [key for key in scene.store.objects if not key.endswith("checkpoint.json")]
    assert (await scene.run(allow_unsafe_store=True)).outcome == "proven"


async def test_the_store_is_probed_once() -> None:
    calls: list[Call] = []
    scene = Scene(a_world(outputs=20), store=MemoryObjectStore(after=lambda call: calls.append(call)))
    await scene.run()
    assert any(".probe-" in call.key for call in calls)
    assert not [key for key in scene.store.objects if ".probe-" in key]
    calls.clear()
    await scene.run()
    assert not any(".probe-" in call.key for call in calls)


async def test_a_run_that_dies_at_any_write_leaves_nothing_that_the_next_cannot_finish() -> None:
    reference = Scene(a_world(outputs=60, days=2))
    await reference.run()
    wanted = {key: row.sha256 for key, row in (await reference.rows()).items()}
    deaths = 0
    for fatal in range(1, 80, 3):
        scene = Scene(a_world(outputs=60, days=2))
        writes = 0

        def die(call: Call) -> None:
            nonlocal writes
            writes += call.operation == "put"
            if writes == fatal:  # noqa: B023
                raise RuntimeError("killed")

        # Even deaths come after the write took effect, odd ones before.
        scene.store = MemoryObjectStore(**{"after" if fatal % 2 else "before": die})  # type: ignore[arg-type]
        try:
            await scene.run()
        except RuntimeError:
            deaths += 1
        scene.store.before = scene.store.after = None
        report = await scene.run()
        assert report.outcome == "proven", (fatal, report.explain())
        assert {key: row.sha256 for key, row in (await scene.rows()).items()} == wanted
    assert deaths > 20


async def test_a_source_that_dies_keeps_what_was_committed() -> None:
    scene = Scene(a_world(outputs=2500, every=2.0, days=3, future=0))
    scene.source_dies_after = 8
    with pytest.raises(SourceUnavailable):
        await scene.run()
    scene.source_dies_after = None
    covered = checkpoint(scene).coverage
    assert covered.watermark is not None
    report = await scene.run()
    assert report.outcome == "proven"
    assert report.copied < len(await scene.rows()), "what was committed is not copied again"
    await assert_complete(scene)


async def test_a_store_that_fails_ends_the_run_with_its_own_error() -> None:
    def fail(call: Call) -> None:
        if call.operation == "put" and "/images/" in call.key:
            raise ConfigurationError("AccessDenied on images/")

    scene = Scene(a_world(outputs=50), store=MemoryObjectStore(before=fail))
    with pytest.raises(ConfigurationError, match="AccessDenied"):
        await scene.run()
    assert checkpoint(scene).coverage.watermark is None


async def test_unknown_outcomes_of_checkpoint_writes_are_looked_at_before_writing_again() -> None:
    trouble = iter(range(1000))

    def flaky(call: Call) -> None:
        if call.operation == "put" and call.key == LAYOUT.checkpoint and next(trouble) % 2:
            raise StoreUnavailable("reset after the write")

    scene = Scene(a_world(outputs=100), store=MemoryObjectStore(after=flaky))
    assert (await scene.run()).outcome == "proven"


async def test_another_sources_checkpoint_is_refused() -> None:
    scene = Scene(a_world(outputs=20))
    await scene.run()
    stored = scene.store.objects[LAYOUT.checkpoint]
    other = replace(checkpoint(scene), source="https://other.test")
    scene.store.objects[LAYOUT.checkpoint] = replace(stored, body=other.to_json())
    with pytest.raises(ConfigurationError, match=r"archive of https://other\.test"):
        await scene.run()


async def test_a_manifest_without_a_checkpoint_is_never_restarted_from_nothing() -> None:
    scene = Scene(a_world(outputs=20))
    await scene.run()
    del scene.store.objects[LAYOUT.checkpoint]
    with pytest.raises(ArchiveDamaged, match=r"no checkpoint\.json"):
        await scene.run()


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
    assert report.outcome == "proven"
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


def the_newest(document: dict[str, Any], newest: str) -> Any:
    return next((output for output in document["outputs"] if output["id"] == newest), None)


async def test_an_unreadable_output_is_a_failed_row_and_read_again_until_it_can_be() -> None:
    scene = Scene(a_world(outputs=100, future=0))
    victim = scene.simulated.visible()[50].id

    def spoil(document: dict[str, Any]) -> None:
        if output := the_newest(document, victim):
            del output["image_url"]

    scene.spoil = spoil
    report = await scene.run()
    assert (report.failed, report.outcome) == (1, "proven, with failed images")
    row = (await scene.rows())[victim, "original"]
    assert row.state == "failed"
    assert "image_url" in (row.error or "")
    assert (await scene.run()).outcome == "proven, with failed images", "the alarm goes on"
    scene.clock.advance(DAY * 3)
    assert (await scene.run()).failed == 1
    assert (await scene.rows())[victim, "original"].attempts == 2
    scene.spoil = None
    scene.clock.advance(DAY * 3)
    assert (await scene.run()).outcome == "proven"
    assert (await scene.rows())[victim, "original"].state == "archived"


async def test_an_unreadable_newest_output_does_not_change_the_walk() -> None:
    scene = Scene(a_world(outputs=100, future=0))
    victim = scene.simulated.visible()[-1].id

    def spoil(document: dict[str, Any]) -> None:
        if output := the_newest(document, victim):
            output["generation"]["id"] = None

    scene.spoil = spoil
    assert (await scene.run()).walk == "ascending"


@pytest.mark.parametrize("place", ["created_at", "generation.created_at"])
async def test_an_output_without_its_time_stops_nothing(place: str) -> None:
    scene = Scene(a_world(outputs=100, future=0))
    victim = scene.simulated.visible()[50].id

    def spoil(document: dict[str, Any]) -> None:
        if output := the_newest(document, victim):
            (output["generation"] if "." in place else output)["created_at"] = "garbled"

    scene.spoil = spoil
    report = await scene.run()
    assert len(await scene.rows()) == report.read > 90
    scene.spoil = None
    scene.clock.advance(timedelta(hours=3))
    report = await scene.run(lookback=DAY * 60)
    assert report.outcome == "proven", report.explain()
    live = [row for row in (await scene.rows()).values() if row.output_id == victim and row.deleted_at is None]
    assert [row.state for row in live] == ["archived"]


async def test_another_image_of_an_archived_output_is_archived_and_a_failure_keeps_the_first() -> None:
    scene = Scene(a_world(outputs=60, future=0))
    await scene.run()
    victim, other = scene.simulated.visible()[-5], scene.simulated.visible()[-6]
    first = (await scene.rows())[victim.id, "original"]

    def spoil(document: dict[str, Any]) -> None:
        if output := the_newest(document, victim.id):
            output["image_url"] = f"{ADDRESS}/images/{other.file_name(Rendition.ORIGINAL)}"

    scene.spoil = spoil
    scene.images.broken[other.file_name(Rendition.ORIGINAL)] = ImageRejected("truncated")
    scene.clock.advance(timedelta(hours=1))
    report = await scene.run()
    assert report.failed == 1
    assert (await scene.rows())[victim.id, "original"] == replace(first, run_id=ANY)
    scene.images.broken.clear()
    await scene.run()
    row = (await scene.rows())[victim.id, "original"]
    assert row.sha256 != first.sha256
    assert other.file_name(Rendition.ORIGINAL) in (row.source_url or "")


async def test_a_run_whose_clock_was_years_ahead_freezes_nothing() -> None:
    scene = Scene(a_world(outputs=60, future=0))
    broken, liked = scene.simulated.visible()[-3], scene.simulated.visible()[-4]
    scene.images.broken[broken.file_name(Rendition.ORIGINAL)] = ImageRejected("truncated")
    scene.our_clock = FixedClock(scene.clock.now() + DAY * 365)
    await scene.run()
    scene.our_clock = scene.clock
    scene.images.broken.clear()
    scene.simulated.favourite(liked.id, scene.clock.now() + timedelta(minutes=1))
    scene.clock.advance(timedelta(hours=1))
    assert (await scene.run()).outcome == "proven"
    rows = await scene.rows()
    assert rows[broken.id, "original"].state == "archived"
    assert rows[liked.id, "original"].is_favorited is True


async def test_a_loss_in_a_hole_does_not_hide_behind_deletions() -> None:
    """700 outputs of one instant: a page shows 300 from each side. 100 old deletions make the sums agree."""
    scene = Scene(a_world(outputs=1000, future=0))
    await scene.run()
    old = scene.simulated.visible()[:100]
    instant = scene.clock.now() + timedelta(hours=1)
    for _ in range(175):
        scene.simulated.add(instant, *[instant + timedelta(seconds=5)] * 4)
    for output in old:
        scene.simulated.delete(output.id, instant)
    scene.clock.advance(timedelta(hours=3))
    report = await scene.run()
    assert report.holes
    assert report.outcome == "not proven"
    assert instant + timedelta(seconds=5) not in report.coverage


async def test_a_hole_that_hides_nothing_is_filled_by_counting() -> None:
    scene = Scene(a_world(outputs=300, future=0))
    instant = scene.clock.now() + timedelta(hours=1)
    for _ in range(100):
        scene.simulated.add(instant, *[instant + timedelta(seconds=5)] * 4)
    scene.clock.advance(timedelta(hours=3))
    report = await scene.run()
    assert (report.outcome, report.holes.windows) == ("proven", ()), report.explain()
    assert len(report.coverage.windows) == 1
