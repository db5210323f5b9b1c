"""Images that change, fail, vanish and come back: no bytes are overwritten, and no attempt is the last."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import ImageGone, ImageRejected
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.model.row_lifecycle import copies_of
from stablecog_provider.simulator.dialect import CURRENT, Ascending, Dialect
from support.scene import ADDRESS, LAYOUT, small_jpeg
from support.stage import DAY, HOUR, NOON, Stage, days_of, every, stage_of, state_counts

MINUTE = timedelta(minutes=1)
HOST = "simulated.test"


def placeholder(stage: Stage, output_ids: list[str], name: str) -> None:
    """From now on the source names another image under these outputs."""
    for output_id in output_ids:
        stage.simulated._images[name] = (stage.simulated.output(output_id), Rendition.ORIGINAL)

    def spoil(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            if output["id"] in output_ids:
                output["image_url"] = f"{ADDRESS}/images/{name}"

    stage.spoil = spoil


async def test_a_host_that_answers_404_for_hours_loses_no_image() -> None:
    """Sequence 1: hourly runs see nothing but 404 for four hours."""
    stage = stage_of(*every(MINUTE, 60, 3 * HOUR))
    stage.images.down[HOST] = ImageGone("404: no such image")
    for _ in range(4):
        report = await stage.checked_run()
        assert (report.outcome, (await stage.status()).exit_code) == ("proven, with failed images", 3)
        assert state_counts((await stage.rows()).values()) == {"failed": 60}
        stage.clock.advance(HOUR)
    stage.images.down.clear()
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"
    await stage.assert_nothing_lost()


async def test_a_host_that_forgot_many_images_is_asked_again_whoever_asks() -> None:
    """Sequence 1: the host serves one image and answers 404 for the others; `--retry-failed` asks for what is gone, too."""
    stage = stage_of(*every(MINUTE, 60, 3 * HOUR))
    gone = stage.simulated.visible(NOON)[:59]
    stage.images.broken = {output.file_name(Rendition.ORIGINAL): ImageGone("404") for output in gone}
    for _ in range(12):
        report = await stage.checked_run()
        stage.clock.advance(6 * HOUR)
    assert report.images.gone == 59
    assert any("59 images are gone at the source" in line for line in (await stage.status()).explain())
    stage.images.broken.clear()
    report = await stage.checked_run(retry_failed=True)
    assert (report.outcome, report.copied) == ("proven", 59)
    await stage.assert_nothing_lost()


async def test_what_is_gone_is_archived_by_ordinary_runs_once_its_host_has_it_again() -> None:
    """Sequence 1: months later, without any option."""
    stage = stage_of(*every(MINUTE, 10, 3 * HOUR))
    victim = stage.simulated.visible(NOON)[3].file_name(Rendition.ORIGINAL)
    stage.images.broken[victim] = ImageGone("404")
    await stage.checked_run()
    await stage.ordinary_runs(40, every=5 * DAY)
    stage.images.broken.clear()
    assert [report.copied for report in await stage.ordinary_runs(20, every=5 * DAY)].count(1) == 1
    await stage.assert_nothing_lost()


async def test_an_image_that_takes_anothers_place_overwrites_no_byte() -> None:
    """Sequence 3: the source puts a placeholder under archived outputs."""
    stage = stage_of(*every(MINUTE, 20, 3 * HOUR))
    await stage.checked_run()
    before = {key: held.body for key, held in stage.store.objects.items() if key.startswith(LAYOUT.images)}
    victims = [output.id for output in stage.simulated.visible(NOON)[:10]]
    placeholder(stage, victims, "placeholder.jpeg")
    (report,) = await stage.ordinary_runs(1, every=HOUR)
    assert (report.outcome, report.copied) == ("proven", 10)
    assert {key: stage.store.objects[key].body for key in before} == before
    rows = await stage.rows()
    for output_id in victims:
        row = rows[output_id, "original"]
        stage.assert_stored(row)
        assert [PurePosixPath(copy.archived_url or "").name for copy in copies_of(row)] == [
            "placeholder.jpeg",
            stage.simulated.output(output_id).file_name(Rendition.ORIGINAL),
        ]
        assert {stage.key_of(copy.uri) for copy in copies_of(row)} <= stage.store.objects.keys()


async def test_other_bytes_at_the_same_address_get_a_key_of_their_own() -> None:
    """Sequence 3: the host serves a placeholder at the very address, and the image is fetched once more."""
    stage = stage_of(*every(MINUTE, 5, 3 * HOUR))
    await stage.checked_run()
    key, row = next(iter((await stage.rows()).items()))
    first = stage.body_of(row.uri)
    lost = stage.store.objects.pop(stage.key_of(row.uri))
    await stage.rebuild(check_images=True)
    stage.images.bodies[PurePosixPath(row.source_url or "").name] = small_jpeg("placeholder")
    await stage.ordinary_runs(1, every=HOUR)
    stage.store.objects[stage.key_of(row.uri)] = lost
    now = (await stage.rows())[key]
    stage.assert_stored(now)
    assert now.uri != row.uri
    assert [stage.body_of(copy.uri) for copy in copies_of(now)] == [small_jpeg("placeholder"), first]


@pytest.mark.parametrize("death", range(0, 12, 2))
async def test_a_kill_between_an_object_and_its_row_leaves_no_row_of_other_bytes(death: int) -> None:
    """Sequence 4."""
    stage = stage_of(*every(MINUTE, 12, 3 * HOUR))
    await stage.checked_run()
    victims = [output.id for output in stage.simulated.visible(NOON)]
    placeholder(stage, victims, "placeholder.jpeg")
    stage.clock.advance(HOUR)
    written = 0

    def die(call: Call) -> None:
        nonlocal written
        if call.operation == "put" and "/images/" in call.key:
            written += 1
            if written > death:
                raise RuntimeError("killed")

    stage.store.after = die
    with pytest.raises(RuntimeError, match="killed"):
        await stage.run()
    stage.store.after = None
    for row in (await stage.rows()).values():
        stage.assert_stored(row)
    # The source takes it back: rows and bytes must agree with that, too.
    stage.spoil = None
    assert (await stage.ordinary_runs(1, every=HOUR))[-1].outcome == "proven"
    await stage.assert_nothing_lost()


async def test_a_stale_upload_and_a_replacement_end_in_one_consistent_row() -> None:
    """Sequence 5: a run fetched the old image, slept, and commits after another run stored the new one."""
    stage = stage_of(*every(MINUTE, 5, 3 * HOUR))
    victims = [output.id for output in stage.simulated.visible(NOON)]
    asleep, wake = asyncio.Event(), asyncio.Event()

    async def sleep_once(url: str) -> None:
        if not asleep.is_set():
            asleep.set()
            await wake.wait()

    stage.images.before = sleep_once
    stale = asyncio.create_task(stage.run())
    await asleep.wait()
    placeholder(stage, victims, "placeholder.jpeg")
    stage.clock.advance(HOUR)
    await stage.checked_run()
    wake.set()
    await stale
    for row in (await stage.rows()).values():
        stage.assert_stored(row)
        for copy in copies_of(row):
            body = stage.body_of(copy.uri)
            assert hashlib.sha256(body).hexdigest() == copy.sha256
            assert body == small_jpeg(PurePosixPath(copy.archived_url or "").name)
    assert (await stage.ordinary_runs(2, every=HOUR))[-1].outcome == "proven"
    for row in (await stage.rows()).values():
        assert (row.archived_url or "").endswith("placeholder.jpeg")


async def test_a_replacement_that_failed_is_due_after_it_left_the_lookback() -> None:
    """Sequence 6."""
    stage = stage_of(*every(MINUTE, 20, 3 * HOUR))
    await stage.checked_run()
    victim = stage.simulated.visible(NOON)[0].id
    placeholder(stage, [victim], "other.jpeg")
    stage.images.broken["other.jpeg"] = ImageRejected("cut short")
    (report,) = await stage.ordinary_runs(1, every=HOUR)
    assert (report.outcome, report.images.replaced) == ("proven, with failed images", 1)
    assert "1 image was replaced at the source" in "\n".join(report.explain())
    stage.clock.advance(10 * DAY)
    stage.images.broken.clear()
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"
    assert "other.jpeg" in ((await stage.rows())[victim, "original"].archived_url or "")


async def test_a_lost_image_of_a_deleted_output_is_fetched_again() -> None:
    """Sequence 7: the source lists the output no more, and its host still serves the image."""
    stage = stage_of(*every(MINUTE, 20, 3 * HOUR))
    await stage.checked_run()
    victim = stage.simulated.visible(NOON)[5].id
    stage.simulated.delete(victim, NOON + HOUR)
    assert (await stage.ordinary_runs(1))[-1].tombstoned == 1
    key = stage.key_of((await stage.rows())[victim, "original"].uri)
    body = stage.store.objects.pop(key).body
    report = await stage.rebuild(check_images=True)
    assert "the next run copies those that the source still has" in "\n".join(report.explain())
    await stage.ordinary_runs(1)
    row = (await stage.rows())[victim, "original"]
    assert (row.state, stage.body_of(row.uri), row.deleted_at is not None) == ("archived", body, True)


async def test_images_that_come_back_to_the_bucket_are_adopted_again() -> None:
    """Sequence 8: they were marked as lost, the host has forgotten them, and then the bucket's versions are restored."""
    stage = stage_of(*every(MINUTE, 60, 3 * HOUR))
    await stage.checked_run()
    before = await stage.rows()
    held = [stage.key_of(row.uri) for row in before.values()][:40]
    versions = {key: stage.store.objects.pop(key) for key in held}
    await stage.rebuild(check_images=True)
    stage.images.broken = {
        output.file_name(Rendition.ORIGINAL): ImageGone("404") for output in stage.simulated.visible(NOON)
    }
    for report in await stage.ordinary_runs(10):
        assert (report.outcome, report.images.lost) == ("proven, with failed images", 40)
    assert {key: row.sha256 for key, row in (await stage.rows()).items()} == {k: r.sha256 for k, r in before.items()}
    stage.store.objects |= versions
    rebuilt = await stage.rebuild(check_images=True)
    assert (rebuilt.images_found, rebuilt.lost_images) == (40, ())
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"
    assert state_counts((await stage.rows()).values()) == {"archived": 60}


@pytest.mark.parametrize("dialect", [CURRENT, replace(CURRENT, ascending=Ascending.RISES)], ids=["rising", "falling"])
async def test_a_late_upscale_is_archived_in_every_round_of_the_second_reading(dialect: Dialect) -> None:
    """Sequence 9: it appears long after the lookback; the claims are compared with the world after every run."""
    stage = stage_of(*days_of(10, 8), dialect=dialect)
    await stage.checked_run()
    assert "late upscales may be missing" in "\n".join((await stage.status()).explain())
    for number in (0, 30, 75):
        victim = stage.simulated.visible(NOON)[number].id
        stage.simulated.upscale(victim, stage.clock.now() + HOUR)
        reports = await stage.ordinary_runs(9)
        assert {report.outcome for report in reports} == {"proven"}
        assert (await stage.rows())[victim, "upscaled"].state == "archived"
    assert "late upscales may be missing" not in "\n".join((await stage.status()).explain())
    await stage.assert_nothing_lost()


async def test_a_late_upscale_is_archived_though_every_other_run_is_killed() -> None:
    """Sequence 9: the second reading goes on where it was."""
    stage = stage_of(*days_of(10, 10))
    await stage.checked_run()
    victim = stage.simulated.visible(NOON)[40].id
    stage.simulated.upscale(victim, NOON + 3 * HOUR)
    for number in range(24):
        writes = 0

        def die(call: Call) -> None:
            nonlocal writes
            writes += call.operation == "put"
            if writes > number % 3:  # noqa: B023
                raise RuntimeError("killed")

        stage.clock.advance(DAY)
        stage.store.after = die if number % 2 else None
        with suppress(RuntimeError):
            await stage.run()
    stage.store.after = None
    await stage.checked_run()
    assert (await stage.rows())[victim, "upscaled"].state == "archived"
    await stage.assert_nothing_lost()
