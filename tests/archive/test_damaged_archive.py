"""A damaged archive: each damage is noticed and named, and repaired as its hint says."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stablecog_provider.errors import ArchiveDamaged, ArchiveTooNew
from stablecog_provider.model.checkpoint import signed
from stablecog_provider.simulator.dialect import PRESETS
from support.archived import archived, assert_as_before, fixities, images, partitions, put, read_all, rebuilt
from support.scene import LAYOUT, MemoryObjectStoreView
from support.worlds import checkpoint


@pytest.mark.parametrize("dialect", PRESETS)
@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda body: None, r"holds a manifest but no checkpoint\.json"),
        (lambda body: body[: len(body) // 2], r"checkpoint\.json cannot be read"),
        (lambda body: b"", r"checkpoint\.json cannot be read"),
        (lambda body: body.replace(b'"2026', b'"2036', 1), r"checkpoint\.json cannot be read: its checksum"),
    ],
    ids=["deleted", "cut", "emptied", "a digit"],
)
async def test_a_damaged_checkpoint_is_named_and_rebuilt(
    dialect: str, damage: Callable[[bytes], bytes | None], named: str
) -> None:
    scene = await archived(dialect=PRESETS[dialect])
    rows, bodies, covered = await fixities(scene), images(scene), await read_all(scene)
    standing = scene.store.objects.pop(LAYOUT.checkpoint)
    body = damage(standing.body)
    if body is not None:
        put(scene, LAYOUT.checkpoint, body)
    objects = dict(scene.store.objects)
    with pytest.raises(ArchiveDamaged, match=named) as caught:
        await scene.run()
    assert "stablecog-archive rebuild" in caught.value.hint
    assert scene.store.objects == objects, "nothing was written"

    report = await rebuilt(scene)
    assert (report.outcome, checkpoint(scene).coverage) == ("rebuilt", covered)
    if body is not None:
        (kept,) = report.set_aside
        assert scene.store.objects[kept.removeprefix("s3://archive/")].body == body
    await assert_as_before(scene, rows, bodies)
    assert scene.images.asked == [], "nothing was copied again"


async def test_a_checkpoint_of_a_newer_version_is_never_rebuilt() -> None:
    scene = await archived()
    put(scene, LAYOUT.checkpoint, signed({"version": 99}))
    for attempt in (scene.run, lambda: rebuilt(scene, set_aside_damaged=True)):
        with pytest.raises(ArchiveTooNew, match=r"version 99.* upgrade"):
            await attempt()


def foreign_column(table: pa.Table) -> pa.Table:
    return table.append_column("stars", pa.array([5] * len(table)))


def doubled(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table, table.slice(0, 1)])


def edited(change: Callable[[pa.Table], pa.Table]) -> Callable[[bytes], bytes]:
    def edit(body: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        pq.write_table(change(pq.read_table(pa.BufferReader(body))), sink)
        return bytes(sink.getvalue().to_pybytes())

    return edit


@pytest.mark.parametrize("which", [0, 4, -1])
@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda body: body[:-9], "not valid Parquet"),
        (edited(foreign_column), "columns of another program"),
        (edited(doubled), "two rows for the same output"),
    ],
    ids=["cut", "foreign column", "doubled"],
)
async def test_a_damaged_partition_is_named_set_aside_and_read_again(
    which: int, damage: Callable[[bytes], bytes], why: str
) -> None:
    scene = await archived()
    rows, bodies = await fixities(scene), images(scene)
    key = partitions(scene)[which]
    body = damage(scene.store.objects[key].body)
    put(scene, key, body)
    skipped = await scene.run()
    assert skipped.exit_code == 3
    assert re.search(f"was skipped, .*{key}.*{why}.*set-aside-damaged", " ".join(skipped.notes))
    with pytest.raises(ArchiveDamaged, match=f"{key}.*{why}.*set-aside-damaged"):
        await rebuilt(scene)
    assert scene.store.objects[key].body == body
    assert partitions(scene).count(key) == 1

    report = await rebuilt(scene, set_aside_damaged=True)
    assert (report.outcome, report.exit_code) == ("rebuilt, with gaps", 3)
    assert len(report.gaps) == 1
    assert scene.store.objects[report.set_aside[0].removeprefix("s3://archive/")].body == body
    await assert_as_before(scene, rows, bodies)
    assert (await rebuilt(scene)).outcome == "rebuilt"


async def test_a_deleted_partition_is_refused_and_rebuilt() -> None:
    scene = await archived()
    rows, bodies = await fixities(scene), images(scene)
    key = partitions(scene)[3]
    del scene.store.objects[key]
    with pytest.raises(ArchiveDamaged, match=f"{key} is missing"):
        await scene.run()
    report = await rebuilt(scene)
    assert len(report.missing) == len(report.gaps) == 1
    assert str(report.missing[0]) in "\n".join(report.explain())
    await assert_as_before(scene, rows, bodies)


async def test_rows_that_another_tool_removed_are_counted_anew_and_read_again() -> None:
    scene = await archived()
    rows, bodies = await fixities(scene), images(scene)
    key = partitions(scene)[3]
    put(scene, key, edited(lambda table: table.slice(2))(scene.store.objects[key].body))
    await assert_as_before(scene, rows, bodies)
    assert len(scene.images.asked) == 2, "only what was removed is copied again"


@pytest.mark.parametrize("change", ["deleted", "cut"])
async def test_a_lost_image_is_found_and_copied_again(change: str) -> None:
    scene = await archived()
    rows, bodies = await fixities(scene), images(scene)
    key = sorted(bodies)[10]
    if change == "deleted":
        del scene.store.objects[key]
    else:
        put(scene, key, bodies[key][:-3])
    assert (await rebuilt(scene)).outcome == "rebuilt", "it is looked for only where that is asked"
    report = await rebuilt(scene, check_images=True)
    assert (report.outcome, report.exit_code, len(report.lost_images)) == ("rebuilt, with gaps", 3, 1)
    (lost,) = report.lost_images
    row = (await scene.rows())[lost.output_id, lost.rendition]
    assert (row.state, row.uri, row.sha256, row.bytes) == ("lost", row.uri, row.sha256, row.bytes)
    assert "the bucket" in (row.error or "")
    await assert_as_before(scene, rows, bodies)
    assert len(scene.images.asked) == 1
    report = await rebuilt(scene, check_images=True)
    assert "each is in the bucket with its recorded size" in "\n".join(report.explain())


async def test_images_without_a_checkpoint_are_no_new_archive() -> None:
    scene = await archived()
    rows, bodies = await fixities(scene), images(scene)
    scene.store.objects = MemoryObjectStoreView(scene.store).objects
    for key in [LAYOUT.checkpoint, *partitions(scene)]:
        del scene.store.objects[key]
    with pytest.raises(ArchiveDamaged, match=r"holds images but no checkpoint\.json"):
        await scene.run()
    assert (await rebuilt(scene)).outcome == "rebuilt, with gaps"
    await assert_as_before(scene, rows, bodies)
