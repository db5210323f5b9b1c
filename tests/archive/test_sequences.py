"""Sequences of events that once ended in a loss, a false claim or a dead end. Each was found by somebody who looked for it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dev.local.light_source import OPAQUE, output_of
from stablecog_provider.adapters.memory import FixedClock
from stablecog_provider.archive.listing.walk import walk
from stablecog_provider.archive.rebuild import RebuildSettings, rebuild
from stablecog_provider.archive.status import status
from stablecog_provider.errors import ImageRejected, SourceContradiction, SourceUnavailable
from stablecog_provider.model.coverage import Window
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.model.page import Page, PageQuery
from stablecog_provider.simulator.dialect import PRESETS
from stablecog_provider.simulator.listing import LightRow
from stablecog_provider.simulator.world import World as SimulatedWorld
from support.scene import ADDRESS, LAYOUT, Scene, no_sleep, small_jpeg
from support.worlds import checkpoint

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def scene_of(*requested: timedelta, took: float = 10.0) -> Scene:
    """An account with an output requested each so long before noon."""
    world = SimulatedWorld.empty(NOON)
    for ago in requested:
        world.add(NOON - ago, NOON - ago + timedelta(seconds=took))
    return Scene(world)


def every(step: timedelta, count: int, since: timedelta) -> list[timedelta]:
    return [since - step * number for number in range(count)]


@pytest.mark.long
async def test_a_dense_account_whose_first_run_was_cut_short_is_known_again() -> None:
    """The newest that is archived took long; below it stand hundreds that were requested later and are not archived yet."""
    scene = Scene(SimulatedWorld.generate(seed=3, outputs=4000, days=0, every=0.5, quiet=True, future=0))
    scene.source_dies_after = 6
    with pytest.raises(SourceUnavailable):
        await scene.run()
    assert 0 < len(await scene.rows()) < 4000
    scene.source_dies_after = None
    scene.clock.advance(timedelta(hours=1))
    assert (await scene.run()).outcome == "proven"


async def test_who_deletes_most_of_one_day_deletes_little_of_the_archive() -> None:
    days = [ago for day in range(1, 11) for ago in every(timedelta(minutes=1), 200, timedelta(days=day))]
    scene = scene_of(*days)
    await scene.run()
    deleted = [output for output in scene.simulated.visible(NOON) if output.g.date().day == 12][:150]
    for output in deleted:
        scene.simulated.delete(output.id, NOON + timedelta(hours=1))
    scene.clock.advance(timedelta(days=1))
    report = await scene.run()
    assert (report.outcome, report.tombstoned, report.claims) == ("proven", 150, ())


async def test_who_deletes_more_than_half_day_by_day_is_asked_whether_the_key_is_right() -> None:
    days = [ago for day in range(1, 6) for ago in every(timedelta(minutes=1), 60, timedelta(days=day))]
    scene = scene_of(*days)
    await scene.run()
    visible = scene.simulated.visible(NOON)
    for output in visible[:260]:
        scene.simulated.delete(output.id, NOON + timedelta(hours=1))
    # As many are new, far from where the others were: the sum of all tells nothing.
    for number in range(200):
        scene.simulated.add(NOON + timedelta(minutes=number), NOON + timedelta(minutes=number, seconds=5))
    scene.clock.advance(timedelta(days=1))
    report = await scene.run(allow_account_mismatch=True)
    assert report.outcome == "not proven"
    assert report.tombstoned <= 250
    assert any("Check that the API key belongs to this account" in claim for claim in report.claims)


async def test_an_image_whose_host_went_down_between_two_pages_is_tried_by_the_next_run() -> None:
    """On both pages of a dense step, its likes counted up between them, and the host goes down."""
    world = SimulatedWorld.empty(NOON)
    for number in range(200):
        requested = NOON - timedelta(hours=1) + timedelta(seconds=2 * number)
        world.add(requested, *[requested + timedelta(seconds=240 if number % 10 == 4 else 6)] * 4)
    scene, times = Scene(world, sleep=no_sleep), dict[str, int]()
    for output in world.visible(NOON)[310:]:
        scene.images.broken[output.file_name(Rendition.ORIGINAL)] = SourceUnavailable("connection refused")

    def like(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            times[output["id"]] = times.get(output["id"], 0) + 1
            output["like_count"] = times[output["id"]]

    scene.spoil = like
    report = await scene.run(per_page=10)
    assert (report.outcome, list(report.hosts_down)) == ("proven, with failed images", ["simulated.test"])
    assert any("simulated.test is down (connection refused)" in line for line in report.explain())
    scene.images.broken.clear()
    scene.clock.advance(timedelta(hours=2))
    assert (await scene.run()).outcome == "proven"
    assert {row.state for row in (await scene.rows()).values()} == {"archived"}


def takes_the_place(scene: Scene, names: dict[str, str]) -> None:
    """From now on the source names other images, by output; the host has them."""
    for output_id, name in names.items():
        scene.simulated._images[name] = (scene.simulated.output(output_id), Rendition.ORIGINAL)


def renamed(names: dict[str, str], times: dict[str, int]) -> Any:
    def spoil(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            if output["id"] in names:
                output["image_url"] = f"{ADDRESS}/images/{names[output['id']]}"
            times[output["id"]] = times.get(output["id"], 0) + 1
            output["like_count"] = min(times[output["id"]], 2)

    return spoil


async def test_a_row_never_names_an_image_that_it_does_not_hold() -> None:
    """Another image takes the place of an archived one, cannot be had, and the output stands on the next page once more."""
    scene = scene_of(*every(timedelta(seconds=10), 40, timedelta(hours=2)), took=60)
    await scene.run(per_page=10)
    before = await scene.rows()
    names = {output_id: f"other-{number}.jpeg" for number, (output_id, _) in enumerate(before)}
    scene.images.broken = {name: ImageRejected("cut short") for name in names.values()}
    scene.spoil = renamed(names, {})
    scene.clock.advance(timedelta(hours=1))
    report = await scene.run(per_page=10)
    assert report.failed == 40
    rows = await scene.rows()
    assert {key: row.archived_url for key, row in rows.items()} == {key: row.source_url for key, row in before.items()}
    assert {key: row.sha256 for key, row in rows.items()} == {key: row.sha256 for key, row in before.items()}
    scene.images.broken.clear()
    takes_the_place(scene, names)
    scene.clock.advance(timedelta(hours=2))
    report = await scene.run()
    assert (report.outcome, report.copied) == ("proven", 40)


async def test_an_image_that_took_anothers_place_is_the_later_one_whatever_the_clocks_said() -> None:
    scene = scene_of(timedelta(hours=2), timedelta(hours=1))
    scene.our_clock = FixedClock(NOON + timedelta(hours=1))
    await scene.run()
    scene.our_clock = scene.clock
    names = {scene.simulated.visible(NOON)[0].id: "other.jpeg"}
    takes_the_place(scene, names)
    scene.spoil = renamed(names, {})
    scene.clock.advance(timedelta(minutes=20))
    await scene.run()
    for row in (await scene.rows()).values():
        assert row.uri
        stored = scene.store.objects[row.uri.removeprefix(f"s3://{LAYOUT.bucket}/")]
        assert hashlib.sha256(stored.body).hexdigest() == row.sha256


async def test_nothing_is_claimed_of_the_future_where_an_output_is_read_again() -> None:
    scene = scene_of(*every(timedelta(minutes=1), 50, timedelta(hours=2)), timedelta(seconds=50))
    youngest = max(scene.simulated.visible(NOON), key=lambda output: output.g)

    def spoil(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            if output["id"] == youngest.id:
                del output["image_url"]

    scene.spoil = spoil
    await scene.run()
    scene.clock.advance(timedelta(seconds=20))
    await scene.run(retry_failed=True)
    watermark = checkpoint(scene).coverage.watermark
    assert watermark is not None
    assert watermark <= scene.clock.now()


@pytest.mark.parametrize("dialect", PRESETS)
async def test_an_output_that_becomes_readable_bit_by_bit_is_counted_once(dialect: str) -> None:
    scene = scene_of(*every(timedelta(minutes=1), 120, timedelta(hours=6)))
    scene.dialect, stage = PRESETS[dialect], 0
    bad = scene.simulated.visible(NOON)[30]

    def spoil(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            if output["id"] == bad.id and stage < 2:
                del output["image_url"]
                if stage == 0:
                    del output["generation"]["created_at"]

    scene.spoil = spoil
    for stage in range(4):  # noqa: B007 - `spoil` looks at it
        report = await scene.run(lookback=timedelta(days=3))
        scene.clock.advance(timedelta(hours=3))
    assert report.outcome == "proven"
    assert sum(row.deleted_at is None for row in (await scene.rows()).values() if row.output_id == bad.id) == 1


async def test_a_report_from_a_clock_far_ahead_does_not_outlive_later_proofs() -> None:
    scene = scene_of(*every(timedelta(minutes=1), 50, timedelta(hours=2)))
    scene.our_clock = FixedClock(NOON + timedelta(days=365))

    def one_more(document: dict[str, Any]) -> None:
        if document.get("total"):
            document["total"] += 1

    scene.spoil = one_more
    assert (await scene.run()).outcome == "not proven"
    scene.spoil, scene.our_clock = None, scene.clock
    scene.clock.advance(timedelta(days=1))
    assert (await scene.run()).outcome == "proven"
    assert (await status(scene.store, LAYOUT, scene.our_clock.now())).outcome == "proven"


@pytest.mark.parametrize("dialect", PRESETS)
async def test_a_date_that_was_garbled_once_is_forgotten(dialect: str) -> None:
    """The output is archived under its date; the stand-in that one bad answer makes of it must not outlive the next one."""
    scene = scene_of(*every(timedelta(minutes=1), 120, timedelta(hours=6)))
    scene.dialect = PRESETS[dialect]
    await scene.run()
    bad = scene.simulated.visible(NOON)[30]

    def spoil(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            if output["id"] == bad.id:
                del output["generation"]["created_at"]

    scene.spoil = spoil
    await scene.run(lookback=timedelta(days=3))
    scene.spoil = None
    outcomes = []
    for _ in range(3):
        scene.clock.advance(timedelta(hours=3))
        outcomes.append((await scene.run(lookback=timedelta(days=3))).outcome)
    assert outcomes[-1] == "proven"


async def test_an_image_that_changes_its_name_in_mid_walk_is_the_one_that_its_row_names() -> None:
    scene = scene_of(*every(timedelta(seconds=10), 40, timedelta(hours=2)), took=60)
    names = {output.id: f"other-{number}.jpeg" for number, output in enumerate(scene.simulated.visible(NOON))}
    takes_the_place(scene, names)
    times: dict[str, int] = {}

    def spoil(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            times[output["id"]] = times.get(output["id"], 0) + 1
            if times[output["id"]] > 1:
                output["image_url"] = f"{ADDRESS}/images/{names[output['id']]}"

    scene.spoil = spoil
    await scene.run(per_page=10)
    scene.clock.advance(timedelta(hours=1))
    assert (await scene.run(lookback=timedelta(days=60))).outcome == "proven"
    for row in (await scene.rows()).values():
        assert row.source_url
        assert row.sha256 == hashlib.sha256(small_jpeg(row.source_url.rpartition("/")[2])).hexdigest()


async def test_images_that_were_lost_and_cannot_be_had_again_stop_no_run() -> None:
    """More of them than a host is allowed to fail in a row, before it is taken to be down."""
    scene = scene_of(*every(timedelta(minutes=1), 30, timedelta(hours=3)))
    scene.sleep = no_sleep
    await scene.run()
    for row in (await scene.rows()).values():
        assert row.uri
        del scene.store.objects[row.uri.removeprefix(f"s3://{LAYOUT.bucket}/")]
    await rebuild(scene.ports(), RebuildSettings(layout=LAYOUT, check_images=True))
    for output in scene.simulated.visible(NOON):
        scene.images.broken[output.file_name(Rendition.ORIGINAL)] = SourceUnavailable("connection refused")
    scene.clock.advance(timedelta(hours=2))
    report = await scene.run()
    assert (report.outcome, report.failed) == ("proven, with failed images", 30)


class Endless:
    """A listing of three outputs whose `next` is new every time."""

    address, requests = ADDRESS, 0

    async def page(self, query: PageQuery) -> Page:
        self.requests += 1
        outputs = tuple(output_of(LightRow(f"o{at}", NOON - timedelta(minutes=at), NOON)) for at in range(3))
        return Page(outputs, NOON, next=f"t{self.requests}", total=3)


async def test_a_listing_that_leads_on_for_ever_is_not_followed_for_ever() -> None:
    source = Endless()
    with pytest.raises(SourceContradiction, match="none of them is older than before"):
        async for _ in walk(source, Window(NOON - timedelta(days=1), NOON), OPAQUE):
            pass
    assert source.requests < 4000
