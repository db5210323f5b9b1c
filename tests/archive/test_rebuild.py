"""A damaged archive: each damage is noticed and named before anything is written, and mended by the way out it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from archive.simulated import LAYOUT, MemoryObjectStoreView, Scene, SimulatedSource
from stablecog_provider.adapters.memory import Call, MemoryObject
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.ports import World
from stablecog_provider.archive.rebuild import RebuildSettings, rebuild
from stablecog_provider.archive.rebuild_report import RebuildReport
from stablecog_provider.errors import (
    AnotherAccount,
    ArchiveDamaged,
    ArchiveTooNew,
    ConfigurationError,
    StoreUnavailable,
)
from stablecog_provider.model.checkpoint import Checkpoint, signed
from stablecog_provider.model.coverage import MAX_LATENCY, Coverage, Window
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, PRESETS, CursorKey
from stablecog_provider.simulator.world import World as SimulatedWorld

DAY = timedelta(days=1)
HOURS = timedelta(hours=3)


def a_world(outputs: int = 300, **settings: object) -> SimulatedWorld:
    given = {"seed": 5, "outputs": outputs, "days": 10, "quiet": True, "future": 0, **settings}
    return SimulatedWorld.generate(**given)  # type: ignore[arg-type]


def world_of(scene: Scene) -> World:
    source = SimulatedSource(scene.simulated, scene.dialect, scene.clock)
    manifest = ParquetManifest(scene.store, LAYOUT)
    return World(source=source, images=scene.images, store=scene.store, manifest=manifest, clock=scene.clock)


async def rebuilt(scene: Scene, **settings: bool) -> RebuildReport:
    return await rebuild(world_of(scene), RebuildSettings(layout=LAYOUT, **settings))


def checkpoint(scene: Scene) -> Checkpoint:
    return Checkpoint.from_json(scene.store.objects[LAYOUT.checkpoint].body)


def put(scene: Scene, key: str, body: bytes) -> None:
    """As another program would write it: with a version of its own."""
    scene.store.objects[key] = MemoryObject(body, f"foreign-{len(body)}-{hash(body)}", "x/y", {})


def partitions(scene: Scene) -> list[str]:
    return sorted(key for key in scene.store.objects if key.startswith(LAYOUT.manifest))


def images(scene: Scene) -> dict[str, bytes]:
    return {key: item.body for key, item in scene.store.objects.items() if key.startswith(LAYOUT.images)}


async def archived(**settings: object) -> Scene:
    """Ten days, archived; then some time passes in which nothing is made."""
    scene = Scene(a_world(), **settings)  # type: ignore[arg-type]
    assert (await scene.run()).outcome == "proven"
    scene.clock.advance(HOURS)
    assert (await scene.run()).outcome == "proven"
    return scene


async def assert_as_before(scene: Scene, rows: dict[tuple[str, str], str | None], bodies: dict[str, bytes]) -> None:
    report = await scene.run()
    assert report.outcome == "proven", report.explain()
    assert {key: row.sha256 for key, row in (await scene.rows()).items()} == rows
    assert images(scene) == bodies


async def fixities(scene: Scene) -> dict[tuple[str, str], str | None]:
    return {key: row.sha256 for key, row in (await scene.rows()).items()}


async def read_all(scene: Scene) -> Coverage:
    """What a checkpoint covers, bounded by what can be proven by counting: 300 s before now."""
    provable = Coverage((Window(checkpoint(scene).coverage.windows[0].start, scene.clock.now() - MAX_LATENCY),))
    return checkpoint(scene).coverage.intersect(provable)


@pytest.mark.parametrize("dialect", PRESETS)
async def test_a_rebuild_of_an_intact_archive_ends_in_the_same_state(dialect: str) -> None:
    scene = await archived(dialect=PRESETS[dialect])
    before, covered = checkpoint(scene), await read_all(scene)
    report = await rebuilt(scene)
    after = checkpoint(scene)
    assert (report.outcome, report.exit_code) == ("rebuilt", 0), report.explain()
    assert report.source_requests <= 6
    assert (after.days, after.versions, after.retries) == (before.days, before.versions, before.retries)
    assert (after.axis, after.store_probed) == (before.axis, before.store_probed)
    assert after.coverage == covered


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
    assert "stablecog-archive rebuild" in caught.value.way_out
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
        (lambda body: body[:-9], "cannot be read as Parquet"),
        (edited(foreign_column), "columns that are not the archive's"),
        (edited(doubled), "two rows of the same output"),
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
    for attempt in (scene.run, lambda: rebuilt(scene)):
        with pytest.raises(ArchiveDamaged, match=f"{key}.*{why}.*set-aside-damaged"):
            await attempt()
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
    assert (row.state, row.uri, row.sha256, row.bytes) == ("failed", None, None, None)
    assert "the bucket" in (row.error or "")
    await assert_as_before(scene, rows, bodies)
    assert len(scene.images.asked) == 1
    report = await rebuilt(scene, check_images=True)
    assert "Every archived image lies in the bucket" in "\n".join(report.explain())


@pytest.mark.parametrize("dialect", [CURRENT, DOCUMENTED, replace(CURRENT, cursor=CursorKey.OPAQUE)], ids=range(3))
async def test_another_accounts_key_is_refused_before_anything_is_written(dialect: object) -> None:
    scene = await archived(dialect=dialect)
    objects = dict(scene.store.objects)
    own, scene.simulated = scene.simulated, a_world(seed=99)
    for attempt in (scene.run, lambda: rebuilt(scene)):
        with pytest.raises(AnotherAccount, match="lists nothing that s3://archive/stablecog holds"):
            await attempt()
    assert scene.store.objects == objects
    scene.simulated = own
    assert (await scene.run()).outcome == "proven"


async def test_an_account_whose_old_outputs_were_deleted_goes_on_when_told_so() -> None:
    scene = await archived()
    now = scene.clock.now()
    for output in list(scene.simulated.visible(now)):
        scene.simulated.delete(output.id, now)
    scene.simulated.add(now + timedelta(seconds=1), now + timedelta(seconds=9))
    scene.clock.advance(HOURS)
    with pytest.raises(AnotherAccount, match="--same-account"):
        await scene.run()
    assert (await scene.run(same_account=True)).copied == 1
    assert (await scene.run()).copied == 0, "from now on the new output is known"


async def test_an_account_that_deleted_its_newest_day_is_still_the_same() -> None:
    scene = await archived()
    now = scene.clock.now()
    newest = max(output.g for output in scene.simulated.visible(now))
    for output in list(scene.simulated.visible(now)):
        if output.g.date() == newest.date():
            scene.simulated.delete(output.id, now)
    scene.simulated.add(now, now + timedelta(seconds=9))
    scene.clock.advance(HOURS)
    report = await scene.run()
    assert (report.copied, report.outcome) == (1, "proven")


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
    with pytest.raises(StoreUnavailable, match="another run meanwhile"):
        await rebuilt(scene)
    assert checkpoint(scene).run_id == "rival"


async def test_where_nothing_is_there_is_nothing_to_rebuild() -> None:
    scene = Scene(a_world())
    with pytest.raises(ConfigurationError, match="no archive at"):
        await rebuilt(scene)
    assert scene.store.objects == {}


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
