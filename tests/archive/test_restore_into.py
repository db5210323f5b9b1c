"""`--into`: the copy is an archive of its own, claims what is true, goes on, and is never mixed with another one."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from stablecog_provider.adapters.memory import Call, MemoryObject, MemoryObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.ports import Ports
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.archive.status import status
from stablecog_provider.errors import ConfigurationError, StoreUnavailable
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import ImageKey, Layout, Rendition
from stablecog_provider.model.row_lifecycle import copies_of, stored
from support.killed import Killed
from support.restores import ELSEWHERE, Restores, restores
from support.scene import LAYOUT, small_jpeg


async def rows(store: MemoryObjectStore, layout: Layout) -> dict[tuple[str, str], Row]:
    manifest = ParquetManifest(store, layout)
    return {row.key: row for day in await manifest.days() for row in (await manifest.load(day)).rows()}


async def run_there(made: Restores) -> RunReport:
    here = made.scene.ports()
    manifest = ParquetManifest(made.elsewhere, ELSEWHERE, sleep=here.sleep)
    ports = Ports(here.source, here.images, made.elsewhere, manifest, here.clock, here.sleep)
    made.scene.images.asked.clear()
    return await archive(ports, ArchiveSettings(layout=ELSEWHERE))


def images(store: MemoryObjectStore, layout: Layout) -> dict[str, bytes]:
    prefix = layout.key("")
    return {key[len(prefix) :]: item.body for key, item in store.objects.items() if key.startswith(layout.images)}


async def test_a_whole_copy_has_the_bytes_the_rows_and_the_coverage_and_a_run_goes_on_in_it() -> None:
    made = await restores()
    before = dict(made.scene.store.objects)
    report = await made.into()
    assert (report.outcome, report.exit_code, report.complete) == ("restored", 0, True), report.explain()
    assert made.scene.store.objects == before
    assert images(made.elsewhere, ELSEWHERE) == images(made.scene.store, LAYOUT)
    theirs = await rows(made.elsewhere, ELSEWHERE)
    assert {key: row.sha256 for key, row in theirs.items()} == {
        key: row.sha256 for key, row in (await made.scene.rows()).items()
    }
    assert all(row.uri is None or row.uri.startswith("s3://other/copy/images/") for row in theirs.values())
    there, here = await status(made.elsewhere, ELSEWHERE), await status(made.scene.store, LAYOUT)
    assert (there.outcome, there.coverage, there.live, there.missing, there.changed) == (
        here.outcome,
        here.coverage,
        here.live,
        (),
        {},
    )
    assert there.unchecked == 0
    made.scene.clock.advance(timedelta(hours=1))
    made.scene.simulated.add(made.scene.clock.now(), made.scene.clock.now() + timedelta(seconds=9))
    made.scene.clock.advance(timedelta(hours=2))
    went_on = await run_there(made)
    assert (went_on.outcome, went_on.copied) == ("proven", 1), went_on.explain()


async def test_the_names_of_models_are_copied_along() -> None:
    made = await restores()
    made.scene.with_names = True
    await made.scene.run()
    await made.into()
    for kind in ("models", "schedulers"):
        held = made.scene.store.objects[LAYOUT.register(kind)]
        assert made.elsewhere.objects[ELSEWHERE.register(kind)].body == held.body


async def test_the_metadata_and_the_type_of_images_are_copied() -> None:
    made = await restores()
    await made.into()
    for key, item in made.scene.store.objects.items():
        if key.startswith(LAYOUT.images):
            copied = made.elsewhere.objects[ELSEWHERE.key(key.removeprefix(LAYOUT.key("")))]
            assert (copied.content_type, dict(copied.metadata)) == (item.content_type, dict(item.metadata))


async def test_a_part_claims_no_coverage_and_a_run_there_copies_the_rest() -> None:
    made = await restores()
    report = await made.into(rendition="original", where="is_favorited or width > 0")
    assert (report.exit_code, report.complete) == (0, False)
    there = await status(made.elsewhere, ELSEWHERE)
    assert (there.outcome, bool(there.coverage)) == ("not proven", False)
    upscaled = sum(row.rendition == "upscaled" for row in (await made.scene.rows()).values())
    assert upscaled
    went_on = await run_there(made)
    assert (went_on.outcome, went_on.copied) == ("proven", upscaled), went_on.explain()
    assert images(made.elsewhere, ELSEWHERE) == images(made.scene.store, LAYOUT)


@pytest.mark.parametrize("nth", [1, 2, 3, 7, 20, 45, 51, 53, 54])
async def test_a_copy_that_stopped_anywhere_is_true_at_once_and_goes_on_to_the_same_end(nth: int) -> None:
    whole = await restores()
    await whole.into()
    made, left = Restores(whole.scene), nth

    def fail(call: Call) -> None:
        nonlocal left
        left -= call.operation == "put"
        if left <= 0:
            raise Killed

    made.elsewhere.before = fail
    with pytest.raises(Killed):
        await made.into()
    made.elsewhere.before = None
    if ELSEWHERE.checkpoint in made.elsewhere.objects:
        assert (await status(made.elsewhere, ELSEWHERE)).outcome == "not proven"
    report = await made.into()
    assert (report.exit_code, report.complete) == (0, True)
    assert images(made.elsewhere, ELSEWHERE) == images(whole.elsewhere, ELSEWHERE)
    assert await rows(made.elsewhere, ELSEWHERE) == await rows(whole.elsewhere, ELSEWHERE)
    there, expected = await status(made.elsewhere, ELSEWHERE), await status(whole.elsewhere, ELSEWHERE)
    assert (there.outcome, there.coverage, there.changed) == (expected.outcome, expected.coverage, {})


async def test_a_run_can_go_on_in_a_copy_that_was_killed_and_the_copy_then_refuses() -> None:
    made, left = await restores(), 30

    def fail(call: Call) -> None:
        nonlocal left
        left -= call.operation == "put"
        if left <= 0:
            raise Killed

    made.elsewhere.before = fail
    with pytest.raises(Killed):
        await made.into()
    made.elsewhere.before = None
    assert (await run_there(made)).outcome == "proven"
    with pytest.raises(ConfigurationError, match="a run has gone on in s3://other/copy"):
        await made.into()


async def test_repeating_a_finished_copy_reads_nothing_twice() -> None:
    made = await restores()
    await made.into()
    objects = dict(made.elsewhere.objects)
    report = await made.into()
    assert (report.restored, report.skipped, report.exit_code) == (0, len(made.images()), 0)
    changed = {key for key in objects if objects[key].body != made.elsewhere.objects[key].body}
    assert changed <= {ELSEWHERE.checkpoint}


async def test_repeating_it_later_brings_the_copy_up_to_date() -> None:
    made = await restores()
    await made.into()
    made.scene.clock.advance(timedelta(hours=1))
    made.scene.simulated.add(made.scene.clock.now(), made.scene.clock.now() + timedelta(seconds=9))
    made.scene.clock.advance(timedelta(hours=2))
    await made.scene.run()
    report = await made.into()
    assert (report.restored, report.complete) == (1, True)
    there, here = await status(made.elsewhere, ELSEWHERE), await status(made.scene.store, LAYOUT)
    assert (there.outcome, there.coverage, there.live) == (here.outcome, here.coverage, here.live)


@pytest.mark.parametrize("held", ["checkpoint.json", "images/dt=2026-11-01/x.jpeg", "manifest/dt=2026-11-01/x"])
async def test_another_archive_at_the_place_is_never_touched(held: str) -> None:
    made = await restores()
    made.elsewhere.objects[ELSEWHERE.key(held)] = MemoryObject(b"theirs", "1", "x/y", {})
    with pytest.raises(ConfigurationError, match="of another archive; nothing was changed"):
        await made.into()
    assert [item.body for item in made.elsewhere.objects.values()] == [b"theirs"]


async def test_another_selection_into_the_same_place_is_refused() -> None:
    made = await restores()
    await made.into(where="width > 0")
    before = dict(made.elsewhere.objects)
    others: list[dict[str, Any]] = [{}, {"where": "width > 1"}, {"where": "width > 0", "rendition": "original"}]
    for settings in others:
        with pytest.raises(ConfigurationError, match="what another restore has copied"):
            await made.into(**settings)
    assert made.elsewhere.objects == before


@pytest.mark.parametrize("place", [LAYOUT, Layout(LAYOUT.bucket, f"{LAYOUT.prefix}/images/copy")])
async def test_an_archive_is_not_restored_into_itself(place: Layout) -> None:
    made = await restores()
    made.elsewhere = made.scene.store
    before = dict(made.scene.store.objects)
    with pytest.raises(ConfigurationError, match="into itself"):
        await made.into(place)
    assert made.scene.store.objects == before


async def test_an_image_that_is_damaged_is_lost_in_the_copy_and_fetched_by_the_next_run_there() -> None:
    made = await restores()
    key = min(made.images())
    right = made.images()[key]
    made.spoil(key, lambda body: body[:-1] + b"!")
    report = await made.into()
    assert (report.exit_code, report.failed) == (3, 1)
    lost = [row for row in (await rows(made.elsewhere, ELSEWHERE)).values() if row.state == "lost"]
    assert len(lost) == 1
    there = await status(made.elsewhere, ELSEWHERE)
    assert there.outcome == "proven, with failed images"
    assert (await run_there(made)).copied == 1
    assert images(made.elsewhere, ELSEWHERE)[key.removeprefix(LAYOUT.key(""))] == right


async def test_days_that_changed_while_they_were_copied_are_read_again_by_the_next_run() -> None:
    made = await restores()
    key = next(key for key in made.scene.store.objects if key.startswith(LAYOUT.manifest))
    found = made.scene.store.objects[key]
    made.scene.store.objects[key] = MemoryObject(found.body, "newer", found.content_type, found.metadata)
    await made.into()
    there = await status(made.elsewhere, ELSEWHERE)
    assert there.outcome == "proven, in part"
    assert len(there.reread.windows) == 1
    assert (await run_there(made)).outcome == "proven"


async def test_an_archive_without_a_checkpoint_is_copied_without_coverage() -> None:
    made = await restores()
    del made.scene.store.objects[LAYOUT.checkpoint]
    report = await made.into()
    assert (report.exit_code, report.complete) == (0, False)
    assert not (await status(made.elsewhere, ELSEWHERE)).coverage
    assert (await run_there(made)).outcome == "proven"


async def test_earlier_images_of_a_row_are_copied_too() -> None:
    made = await restores()
    scene = made.scene
    row = next(row for row in (await scene.rows()).values() if row.uri and row.rendition == "original")
    copy = copies_of(row)[0]
    body = small_jpeg("an earlier image")
    digest = hashlib.sha256(body).hexdigest()
    key = LAYOUT.image(ImageKey(row.created_at.date(), row.output_id, Rendition.ORIGINAL, digest[:16], "jpeg"))
    scene.store.objects[key] = MemoryObject(body, "earlier", "image/jpeg", {"sha256": digest})
    earlier = copy._replace(
        uri=LAYOUT.uri(key), sha256=digest, bytes=len(body), archived_url="https://simulated.test/earlier.jpeg"
    )
    assert row.archived_at
    earlier = earlier._replace(archived_at=row.archived_at - timedelta(days=1))
    await ParquetManifest(scene.store, LAYOUT).merge(row.created_at.date(), [stored(row, earlier)])
    assert (await scene.rows())[row.key].earlier_images
    report = await made.into()
    assert report.exit_code == 0, report.explain()
    theirs = (await rows(made.elsewhere, ELSEWHERE))[row.key]
    assert [each.uri for each in copies_of(theirs)] == [
        each.uri.replace("s3://archive/stablecog/", "s3://other/copy/")
        for each in copies_of((await scene.rows())[row.key])
    ]
    assert images(made.elsewhere, ELSEWHERE) == images(scene.store, LAYOUT)


async def test_a_dry_run_checks_the_place_and_writes_nothing() -> None:
    made = await restores()
    assert (await made.into(dry_run=True)).outcome == "planned"
    assert made.elsewhere.objects == {}
    made.elsewhere.objects[ELSEWHERE.checkpoint] = MemoryObject(b"theirs", "1", "x/y", {})
    with pytest.raises(ConfigurationError):
        await made.into(dry_run=True)


async def test_a_place_that_fails_ends_the_copy_with_a_clear_error() -> None:
    made = await restores()

    def fail(call: Call) -> None:
        if call.operation == "put" and call.key.startswith(ELSEWHERE.images):
            raise StoreUnavailable("503")

    made.elsewhere.before = fail
    with pytest.raises(StoreUnavailable, match="503"):
        await made.into()
