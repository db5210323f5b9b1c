"""Status knows what the last verifies found, until a verify of that level finds it whole, or a repair has marked it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.archive.rebuild import RebuildSettings, rebuild
from stablecog_provider.archive.reports.verify import SHOWN_FINDINGS
from stablecog_provider.archive.status import ArchiveStatus, status
from stablecog_provider.errors import ObjectInArchiveClass, StoreUnavailable
from stablecog_provider.model.object_keys import day_of
from support.archived import archived, put
from support.injured import NoImages, change, key_of, lose, orphan, rows_of
from support.scene import LAYOUT, Scene
from support.worlds import newest_report


async def status_of(scene: Scene) -> ArchiveStatus:
    return await status(scene.store, LAYOUT, scene.clock.now())


async def verify_later(scene: Scene, **settings: object) -> None:
    scene.clock.advance(timedelta(minutes=1))
    await scene.verify(**settings)


async def test_damage_that_was_found_and_not_repaired_is_in_the_verdict() -> None:
    scene = await archived()
    assert (await status_of(scene)).outcome == "proven"
    lose(scene, (await rows_of(scene))[0])
    await verify_later(scene)
    found = await status_of(scene)
    assert (found.outcome, found.exit_code) == ("proven, with failed images", 3)
    assert "verify --repair" in found.next_step
    assert "found damage: 1 missing." in " ".join(found.explain())
    # A lower level that finds nothing, or a slice, says nothing about the rest.
    await verify_later(scene, budget="1")
    assert (await status_of(scene)).damage


async def test_a_repair_settles_it() -> None:
    scene = await archived()
    lose(scene, (await rows_of(scene))[0])
    await verify_later(scene)
    await verify_later(scene, repair=True)
    found = await status_of(scene)
    assert (found.outcome, found.damage) == ("proven", ()), found.explain()


async def test_what_is_marked_as_lost_is_counted_once() -> None:
    scene = await archived()
    lose(scene, (await rows_of(scene))[0])
    scene.images = NoImages()  # type: ignore[assignment]
    await verify_later(scene, repair=True)
    await verify_later(scene)
    found = await status_of(scene)
    assert (found.outcome, found.damage) == ("proven, with failed images", ()), found.explain()
    assert found.images.lost == 1


async def test_an_orphan_is_no_damage() -> None:
    scene = await archived()
    orphan(scene, (await rows_of(scene))[0])
    await verify_later(scene)
    found = await status_of(scene)
    assert (found.outcome, found.runs[0].left) == ("proven", {"orphan": 1})


async def test_many_findings_are_beside_the_report() -> None:
    scene = await archived()
    rows = await rows_of(scene)
    for number in range(SHOWN_FINDINGS + 1):
        orphan(scene, rows[0], name=f"{number:08x}-0000-4000-8000-000000000000")
    await verify_later(scene)
    document = newest_report(scene)
    assert (len(document["findings"]), document["more_findings"]) == (SHOWN_FINDINGS, 1)
    kept = json.loads(scene.store.objects[document["all_findings"]].body)
    assert len(kept["findings"]) == SHOWN_FINDINGS + 1
    assert not LAYOUT.is_run_report(document["all_findings"])
    assert (await status_of(scene)).runs[0].left == {"orphan": SHOWN_FINDINGS + 1}


async def test_later_reports_do_not_hide_it_and_nor_does_their_expiry() -> None:
    scene = await archived()
    lose(scene, (await rows_of(scene))[0])
    await verify_later(scene)
    for _ in range(13):
        scene.clock.advance(timedelta(hours=1))
        await scene.run()
    assert (await status_of(scene)).outcome == "proven, with failed images"
    for key in [key for key in scene.store.objects if key.startswith(LAYOUT.runs)]:
        del scene.store.objects[key]
    assert (await status_of(scene)).outcome == "proven, with failed images"
    await verify_later(scene, repair=True)
    assert (await status_of(scene)).outcome == "proven"


async def test_a_partition_that_cannot_be_repaired_stays_in_the_verdict_until_it_is_set_aside() -> None:
    """It was damaged in the store, which still names its version: no listing shows that."""
    scene = await archived()
    key = LAYOUT.partition(day_of((await rows_of(scene))[0].created_at))
    held = scene.store.objects[key]
    put(scene, key, b"PAR1" + held.body[4:-4][::-1] + b"PAR1")
    scene.store.objects[key] = replace(scene.store.objects[key], version=held.version)
    for repair in (False, True):
        await verify_later(scene, repair=repair)
        found = await status_of(scene)
        assert found.outcome == "proven, with failed images"
        assert "rebuild --set-aside-damaged" in found.next_step
    await rebuild(scene.ports(), RebuildSettings(layout=LAYOUT, set_aside_damaged=True))
    scene.clock.advance(timedelta(hours=1))
    await scene.run()
    found = await status_of(scene)
    assert (found.outcome, found.damage) == ("proven", ()), found.explain()


async def test_a_verify_that_fails_keeps_what_it_found() -> None:
    scene = await archived()
    lose(scene, (await rows_of(scene))[0])
    listing = scene.store.list

    async def failing(prefix: str) -> object:
        if prefix == LAYOUT.images:
            raise StoreUnavailable("503")
        async for item in listing(prefix):
            yield item

    scene.store.list = failing  # type: ignore[method-assign, assignment]
    with pytest.raises(StoreUnavailable):
        await verify_later(scene)
    scene.store.list = listing  # type: ignore[method-assign]
    found = await status_of(scene)
    assert (found.outcome, found.damage[0].left) == ("proven, with failed images", {"missing": 1})


def freeze(scene: Scene, *keys: str) -> None:
    """Put these objects into an archive storage class."""

    def refuse(call: Call) -> None:
        if call.operation in ("get", "open") and call.key in keys:
            raise ObjectInArchiveClass(f"{call.key}: 403 InvalidObjectState", hint="restore it in S3")

    scene.store.before = refuse


async def test_images_in_an_archive_storage_class_do_not_keep_what_was_repaired_in_the_verdict() -> None:
    """A lifecycle rule moves what is old: no verify by content can ever read everything."""
    scene = await archived()
    first, *others = await rows_of(scene)
    freeze(scene, *map(key_of, others[:5]))
    lose(scene, first)
    await verify_later(scene)
    assert (await status_of(scene)).damage
    await verify_later(scene, repair=True)
    found = await status_of(scene)
    assert (found.outcome, found.damage) == ("proven", ()), found.explain()


async def test_what_cannot_be_read_any_more_is_as_damaged_as_it_was() -> None:
    scene = await archived()
    first, *_ = await rows_of(scene)
    change(scene, first)
    await verify_later(scene)
    freeze(scene, key_of(first))
    for repair in (False, True):
        await verify_later(scene, repair=repair)
        assert (await status_of(scene)).outcome == "proven, with failed images"
    partition = LAYOUT.partition(day_of(first.created_at))
    freeze(scene, partition)
    await verify_later(scene, repair=True)
    assert (await status_of(scene)).outcome == "proven, with failed images"
