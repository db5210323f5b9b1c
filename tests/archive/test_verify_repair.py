"""Repair puts the recorded bytes back, from a version or from the source, and never other bytes in their place."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import Call, MemoryImage, MemoryImages, MemoryObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.ports import ImageBody
from stablecog_provider.errors import CredentialsRejected
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import day_of
from stablecog_provider.model.row_fixity import verified_since
from stablecog_provider.model.row_lifecycle import copies_of
from support.archived import archived, images, put, rebuilt
from support.injured import (
    NoImages,
    body_of,
    change,
    cut,
    edit,
    found,
    garble_partition,
    key_of,
    lose,
    orphan,
    rows_of,
    swap,
)
from support.scene import LAYOUT, Scene, small_jpeg
from support.worlds import checkpoint


class OtherImages:
    """An ImageSource that serves other bytes at every address."""

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        async with MemoryImages({url: MemoryImage(small_jpeg(f"other {url}"))}).open(url) as body:
            yield body


async def injured(scene: Scene) -> list[str]:
    """Lose, cut, change and swap an image each; returns their keys."""
    rows = await rows_of(scene)
    lose(scene, rows[0])
    cut(scene, rows[1])
    change(scene, rows[2])
    swap(scene, rows[3], rows[4])
    return [key_of(row) for row in rows[:4]]


KINDS = ["missing", "truncated", "changed", "swapped"]


async def test_the_source_repairs_what_it_still_has() -> None:
    scene = await archived()
    before, rows = images(scene), await scene.rows()
    keys = await injured(scene)
    scene.clock.advance(timedelta(hours=1))
    report = await scene.verify(repair=True)
    assert found(report) == dict(zip(keys, ((kind, True) for kind in KINDS), strict=True))
    assert (report.outcome, report.exit_code) == ("repaired", 0)
    assert "the source still had the recorded bytes" in report.findings[0].detail
    assert images(scene) == before
    after = await scene.rows()
    assert {key: row.sha256 for key, row in after.items()} == {key: row.sha256 for key, row in rows.items()}
    assert all(verified_since(row) for row in after.values() if row.state == "archived")
    assert (await scene.verify()).outcome == "intact"
    assert (await scene.run()).outcome == "proven"


async def test_an_earlier_version_repairs_without_the_source() -> None:
    scene = await archived(store=MemoryObjectStore(versioned=True))
    scene.images = NoImages()  # type: ignore[assignment]
    before = images(scene)
    rows = await rows_of(scene)
    for row, body in ((rows[0], b""), (rows[1], body_of(scene, rows[1])[:-7]), (rows[2], body_of(scene, rows[3]))):
        await scene.store.put(key_of(row), body, content_type="image/jpeg")
    await scene.store.delete(key_of(rows[4]))
    report = await scene.verify(repair=True)
    assert report.outcome == "repaired", report.explain()
    assert "an earlier version of the object had the recorded bytes" in report.findings[0].detail
    assert images(scene) == before
    assert scene.store.objects[key_of(rows[4])].metadata["sha256"] == rows[4].sha256


async def test_what_nothing_has_is_marked_as_lost_and_tried_again() -> None:
    scene = await archived()
    keys, source = await injured(scene), scene.images
    scene.images = NoImages()  # type: ignore[assignment]
    report = await scene.verify(repair=True)
    assert found(report) == dict(zip(keys, ((kind, False) for kind in KINDS), strict=True))
    assert report.exit_code == 3
    # The report must not advise the repair that has just ended.
    assert "`stablecog-archive verify --repair`" not in report.explain()[-1]
    assert "--image-host" in report.explain()[-1]
    lost = {key_of(row) for row in (await scene.rows()).values() if row.state == "lost"}
    assert lost == {*keys}
    assert checkpoint(scene).images.lost == 4
    scene.clock.advance(timedelta(hours=1))
    assert len(found(await scene.verify(repair=True))) == 4
    # Neither a rebuild that looks for images nor the next run takes an object of the right size for the image.
    await rebuilt(scene, check_images=True)
    assert checkpoint(scene).images.lost == 4
    scene.images = source
    assert (await scene.run()).copied == 4
    assert (await scene.verify()).outcome == "intact"


async def test_a_lost_image_that_is_back_is_archived_again() -> None:
    scene = await archived()
    before, keys = images(scene), await injured(scene)
    source, scene.images = scene.images, NoImages()  # type: ignore[assignment]
    await scene.verify(repair=True)
    for key in keys:
        put(scene, key, before[key])
    scene.images = source
    scene.clock.advance(timedelta(hours=1))
    assert (await scene.verify()).outcome == "intact"
    assert checkpoint(scene).images.lost == 0


async def test_another_image_at_the_source_is_stored_beside_and_reported() -> None:
    scene = await archived()
    row = (await rows_of(scene))[0]
    change(scene, row)
    damaged = body_of(scene, row)
    source, scene.images = scene.images, OtherImages()  # type: ignore[assignment]
    report = await scene.verify(repair=True)
    assert found(report) == {key_of(row): ("changed", False)}
    assert "the source has another image now" in report.findings[0].detail
    after = (await scene.rows())[row.key]
    assert (after.state, after.sha256, after.uri) == ("lost", row.sha256, row.uri)
    _, beside = copies_of(after)
    stored = scene.store.objects[LAYOUT.own_image(beside.uri) or ""]
    assert hashlib.sha256(stored.body).hexdigest() == beside.sha256
    assert body_of(scene, row) == damaged
    again = await scene.verify()
    assert found(again) == {key_of(row): ("changed", False)}
    scene.images = source
    assert (await scene.verify(repair=True)).outcome == "repaired"
    assert (await scene.rows())[row.key].state == "archived"


async def test_a_row_that_contradicts_its_own_key_is_corrected() -> None:
    scene = await archived()
    scene.images = NoImages()  # type: ignore[assignment]
    rows = await rows_of(scene)
    edit(scene, rows[0], sha256="0" * 64)
    edit(scene, rows[1], bytes=1)
    report = await scene.verify(repair=True)
    assert found(report) == {key_of(row): ("changed", True) for row in rows[:2]}
    after = await scene.rows()
    assert [after[row.key].sha256 for row in rows[:2]] == [row.sha256 for row in rows[:2]]
    assert [after[row.key].bytes for row in rows[:2]] == [row.bytes for row in rows[:2]]
    assert (await scene.verify()).outcome == "intact"


async def test_a_row_without_the_name_of_its_object_gets_it_back() -> None:
    scene = await archived()
    rows = await rows_of(scene)
    edit(scene, rows[0], uri=None)
    edit(scene, rows[1], uri="s3://elsewhere/what")
    edit(scene, rows[2], uri=None)
    edit(scene, rows[3], uri=None, sha256=None)
    lose(scene, rows[2])
    report = await scene.verify(repair=True)
    kinds = {finding.output_id: (finding.kind.value, finding.repaired) for finding in report.findings}
    nameless = "row_without_object_name"
    assert kinds == {row.output_id: (nameless, row is not rows[3]) for row in rows[:4]}
    after = await scene.rows()
    assert [after[row.key].uri for row in rows[:3]] == [row.uri for row in rows[:3]]
    assert after[rows[3].key].state == "failed"
    await scene.run()
    assert (await scene.verify()).outcome == "intact"


async def test_a_partition_is_restored_to_the_version_that_the_checkpoint_names() -> None:
    scene = await archived(store=MemoryObjectStore(versioned=True))
    rows = await rows_of(scene)
    key = LAYOUT.partition(rows[0].created_at.date())
    await scene.store.put(key, b"PAR1", content_type="x/y")
    change(scene, rows[0])
    report = await scene.verify(repair=True)
    assert found(report) == {key: ("unreadable_partition", True), key_of(rows[0]): ("changed", True)}
    assert {row.key for row in await rows_of(scene)} == {row.key for row in rows}
    assert (await scene.verify()).outcome == "intact"
    garble_partition(scene, rows[0])
    scene.store.earlier.clear()
    assert found(await scene.verify(repair=True)) == {key: ("unreadable_partition", False)}


async def test_a_partition_that_something_else_has_repaired_meanwhile_keeps_what_was_added_since() -> None:
    scene = await archived(store=MemoryObjectStore(versioned=True))
    row = (await rows_of(scene))[0]
    day = day_of(row.created_at)
    key = LAYOUT.partition(day)
    whole = scene.store.objects[key].body
    await scene.store.put(key, b"PAR1", content_type="x/y")
    added = replace(row_of_nothing(row), output_id="11111111-2222-4333-8444-555555555555")

    async def race(call: Call) -> None:
        if (call.operation, call.key) == ("versions", key):
            scene.store.before = None
            await scene.store.put(key, whole, content_type="x/y")
            await ParquetManifest(scene.store, LAYOUT).merge(day, [added], run_id="another")

    scene.store.before = race
    report = await scene.verify(repair=True)
    assert scene.store.before is None
    assert found(report) == {key: ("unreadable_partition", True)}
    assert added.key in await scene.rows()


def row_of_nothing(row: Row) -> Row:
    """The row as it was before its image was stored."""
    nothing = dict.fromkeys(("uri", "sha256", "bytes", "content_type", "archived_at", "archived_url", "attempted_at"))
    return replace(row, state="failed", attempts=0, **nothing)  # type: ignore[arg-type]


async def test_orphans_stay_whatever_happens() -> None:
    scene = await archived()
    stray = orphan(scene, (await rows_of(scene))[0])
    report = await scene.verify(repair=True)
    assert found(report) == {stray: ("orphan", False)}
    assert stray in scene.store.objects


async def test_without_the_right_to_list_versions_the_source_is_asked() -> None:
    scene = await archived()
    await injured(scene)

    def denied(call: Call) -> None:
        if call.operation == "versions":
            raise CredentialsRejected("403 AccessDenied")

    scene.store.before = denied
    report = await scene.verify(repair=True)
    assert report.outcome == "repaired"
    assert report.notes == ("Earlier versions of objects were not used: 403 AccessDenied.",)


async def test_a_repair_never_overwrites_what_something_else_has_put_there() -> None:
    scene = await archived()
    row = (await rows_of(scene))[0]
    whole = body_of(scene, row)
    change(scene, row)

    def race(call: Call) -> None:
        if call.operation == "put" and call.key == key_of(row):
            scene.store.before = None
            put(scene, key_of(row), whole)

    scene.store.before = race
    report = await scene.verify(repair=True)
    assert report.outcome == "repaired"
    assert scene.store.objects[key_of(row)].version.startswith("foreign")


async def test_what_another_verify_repaired_from_a_version_at_the_same_time_is_not_called_lost() -> None:
    scene = await archived(store=MemoryObjectStore(versioned=True))
    row = (await rows_of(scene))[0]
    whole = body_of(scene, row)
    await scene.store.put(key_of(row), whole[:-7], content_type="image/jpeg")

    async def race(call: Call) -> None:
        if call.operation == "put" and call.key == key_of(row):
            scene.store.before = None
            await scene.store.put(key_of(row), whole, content_type="image/jpeg")

    scene.store.before = race
    report = await scene.verify(repair=True)
    assert report.outcome == "repaired", report.explain()
    assert (await scene.rows())[row.key].state == "archived"


@pytest.mark.parametrize("level", ["listing", "checksum"])
async def test_other_levels_repair_what_they_find(level: str) -> None:
    scene = await archived()
    before, rows = images(scene), await rows_of(scene)
    lose(scene, rows[0])
    cut(scene, rows[1])
    assert (await scene.verify(level=level, repair=True)).outcome == "repaired"
    assert images(scene) == before
    assert not any(map(verified_since, await rows_of(scene)))
