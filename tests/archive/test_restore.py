"""A restore gives back the very bytes, says what it could not give, and writes nothing to the archive."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.adapters.memory_folder import MemoryFolder
from stablecog_provider.archive.restore import RestoreSettings
from stablecog_provider.errors import ConfigurationError, FolderUnusable, ObjectInArchiveClass, StoreUnavailable
from stablecog_provider.model.documents import document_of
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import Layout, day_of
from support.restores import Restores, restores
from support.scene import LAYOUT


def bodies(made: Restores) -> dict[str, int]:
    found: dict[str, int] = {}
    for body in made.images().values():
        digest = hashlib.sha256(body).hexdigest()
        found[digest] = found.get(digest, 0) + 1
    return found


def restored(made: Restores) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, body in made.folder.files.items():
        if not name.endswith(".json"):
            digest = hashlib.sha256(body).hexdigest()
            found[digest] = found.get(digest, 0) + 1
    return found


async def test_everything_is_restored_byte_for_byte_and_nothing_is_written_to_the_archive() -> None:
    made = await restores()
    before = dict(made.scene.store.objects)
    report = await made.to_folder()
    assert (report.outcome, report.exit_code) == ("restored", 0), report.explain()
    assert restored(made) == bodies(made)
    assert report.selected == report.restored == len(made.images())
    assert report.bytes == report.selected_bytes == sum(map(len, made.images().values()))
    assert made.scene.store.objects == before


async def test_what_is_there_with_the_right_hash_is_not_read_again() -> None:
    made = await restores()
    await made.to_folder()
    made.scene.store.requests = 0
    report = await made.to_folder()
    assert (report.restored, report.skipped) == (0, len(made.images()))
    # The checkpoint, the listing, and every partition twice.
    assert made.scene.store.requests <= 2 + 2 * 4


async def test_a_different_file_of_that_name_is_kept_and_named_unless_overwriting_is_allowed() -> None:
    made = await restores()
    await made.to_folder()
    name = min(made.folder.files)
    right = made.folder.files[name]
    for other in (b"mine", bytes(len(right))):
        made.folder.files[name] = other
        report = await made.to_folder()
        assert (report.outcome, report.exit_code) == ("restored, with problems", 3)
        (problem,) = report.problems
        assert (problem.kind, problem.key) == ("name_taken", name)
        assert "--overwrite" in " ".join(report.explain())
        assert made.folder.files[name] == other
    assert (await made.to_folder(overwrite=True)).exit_code == 0
    assert made.folder.files[name] == right


@pytest.mark.parametrize(
    ("kind", "harm"),
    [
        ("truncated", lambda body: body[:-1]),
        ("changed", lambda body: body[:-1] + b"!"),
        ("truncated", lambda body: b""),
    ],
)
async def test_an_image_that_is_not_as_archived_never_becomes_a_file(kind: str, harm) -> None:  # type: ignore[no-untyped-def]
    made = await restores()
    key = min(made.images())
    made.spoil(key, harm)
    report = await made.to_folder()
    assert report.exit_code == 3
    (problem,) = report.problems
    assert (problem.kind, problem.key) == (kind, key)
    assert problem.output_id in key
    assert len(made.folder.files) == len(made.images()) - 1


async def test_a_missing_image_a_lost_partition_and_a_broken_one_are_named_and_the_rest_is_restored() -> None:
    made = await restores()
    objects = made.scene.store.objects
    gone = min(made.images())
    del objects[gone]
    first, second, *_ = sorted((key for key in objects if key.startswith(LAYOUT.manifest)), reverse=True)
    del objects[first]
    made.spoil(second, lambda body: body[:40])
    report = await made.to_folder()
    found = {problem.kind: problem for problem in report.problems}
    assert report.exit_code == 3
    assert found["missing"].key == gone
    assert {each.key for each in report.problems if each.kind == "unreadable_partition"} == {first, second}
    assert report.restored == len(made.folder.files) > 0
    # `rebuild --check-images` finds no flipped byte.
    steps = " ".join(report.explain())
    assert "`stablecog-archive verify --repair`" in steps
    assert "`stablecog-archive rebuild --set-aside-damaged`" in steps


async def test_neither_a_lost_nor_a_damaged_checkpoint_stops_a_restore() -> None:
    made = await restores()
    made.spoil(LAYOUT.checkpoint, lambda body: body[:20])
    assert (await made.to_folder()).exit_code == 0
    del made.scene.store.objects[LAYOUT.checkpoint]
    report = await made.to_folder()
    assert (report.exit_code, report.skipped) == (0, len(made.images()))


async def test_outputs_deleted_at_the_source_are_restored_like_others() -> None:
    made = await restores()
    scene = made.scene
    victim = scene.simulated.visible()[3]
    scene.simulated.delete(victim.id, scene.clock.now(), image_too=True)
    scene.clock.advance(timedelta(hours=1))
    await scene.run()
    assert any(row.deleted_at for row in (await scene.rows()).values())
    await made.to_folder()
    assert restored(made) == bodies(made)
    report = await made.to_folder(where="deleted_at is not null")
    assert report.selected >= 1


async def test_a_condition_a_rendition_and_a_sample_select() -> None:
    made = await restores()
    rows = await made.scene.rows()
    day = min(row.created_at for row in rows.values()).date()
    report = await made.to_folder(where=f"created_at::date = '{day}' and rendition = 'original'")
    wanted = [row for row in rows.values() if row.created_at.date() == day and row.rendition == "original"]
    assert report.selected == len(wanted) == len(made.folder.files)
    for rendition in ("original", "upscaled"):
        made.folder.files.clear()
        await made.to_folder(rendition=rendition)
        assert made.folder.files
        assert all(f".{rendition}." in name for name in made.folder.files)
    made.folder.files.clear()
    assert (await made.to_folder(where="prompt = 'no such prompt'")).explain() == [
        "The selection is empty: no stored image fits it."
    ]
    assert made.folder.files == {}


async def test_a_seed_draws_the_same_sample_again_and_another_one_another() -> None:
    made = await restores()
    report = await made.to_folder(sample=7)
    drawn = set(made.folder.files)
    assert (report.selected, len(drawn)) == (7, 7)
    assert (await made.to_folder(sample=7, seed=report.seed)).skipped == 7
    made.folder.files.clear()
    await made.to_folder(sample=7, seed=(report.seed or 0) + 1)
    assert set(made.folder.files) != drawn
    made.folder.files.clear()
    assert (await made.to_folder(sample=1000)).selected == len(made.images())


async def test_a_dry_run_counts_and_writes_nothing() -> None:
    made = await restores()
    report = await made.to_folder(dry_run=True)
    assert (report.outcome, report.exit_code, made.opened, made.folder.files) == ("planned", 0, [], {})
    assert (report.selected, report.selected_bytes) == (len(made.images()), sum(map(len, made.images().values())))
    assert "Nothing was written" in report.explain()[0]


async def test_sidecars_hold_the_row_and_are_never_replaced_silently() -> None:
    made = await restores()
    await made.to_folder(sidecars=True)
    rows = await made.scene.rows()
    beside = {name: json.loads(body) for name, body in made.folder.files.items() if name.endswith(".json")}
    assert len(beside) == len(made.images())
    for name, document in beside.items():
        assert name.removesuffix(".json") in made.folder.files
        row = rows[(document["output_id"], document["rendition"])]
        assert document == document_of(row)
        assert list(document) == list(Row.__slots__)
    assert (await made.to_folder(sidecars=True)).exit_code == 0
    name = min(beside)
    made.folder.files[name] = b"notes of mine"
    report = await made.to_folder(sidecars=True)
    assert [(each.kind, each.key) for each in report.problems] == [("sidecar_differs", name)]
    assert made.folder.files[name] == b"notes of mine"
    assert (await made.to_folder(sidecars=True, overwrite=True)).exit_code == 0


async def test_a_full_disk_ends_the_restore_and_what_is_there_is_whole_and_skipped_later() -> None:
    made = await restores()

    def full(name: str) -> None:
        if len(made.folder.files) == 10:
            raise FolderUnusable("folder: No space left on device")

    made.folder = MemoryFolder(before=full)
    with pytest.raises(FolderUnusable, match="No space left"):
        await made.to_folder()
    assert set(restored(made)) <= set(bodies(made))
    made.folder.before = None
    report = await made.to_folder()
    assert (report.skipped, report.exit_code) == (10, 0)
    assert restored(made) == bodies(made)


async def test_a_store_that_fails_ends_the_restore_after_retries() -> None:
    made = await restores()
    key = min(made.images())
    asked = 0

    def fail(call: Call) -> None:
        nonlocal asked
        if call.key == key:
            asked += 1
            raise StoreUnavailable("500")

    made.scene.store.before = fail
    with pytest.raises(StoreUnavailable):
        await made.to_folder()
    assert asked == 4


async def test_a_partition_in_an_archive_class_does_not_keep_the_other_days_from_being_restored() -> None:
    made = await restores()
    row = next(iter((await made.scene.rows()).values()))
    key = LAYOUT.partition(day_of(row.created_at))

    def frozen(call: Call) -> None:
        if (call.operation, call.key) == ("get", key):
            raise ObjectInArchiveClass(f"{key} is in Glacier", hint="restore it")

    made.scene.store.before = frozen
    report = await made.to_folder()
    assert report.restored > 0
    assert [(each.kind, each.key) for each in report.problems] == [("unreadable_partition", key)]
    assert report.exit_code == 3


async def test_an_image_in_an_archive_class_is_a_problem_of_its_own() -> None:
    made = await restores()
    key = min(made.images())

    def refuse(call: Call) -> None:
        if call.key == key:
            raise ObjectInArchiveClass(f"{key} is in Glacier", hint="restore it")

    made.scene.store.before = refuse
    report = await made.to_folder()
    assert [(each.kind, each.key) for each in report.problems] == [("archive_class", key)]
    assert report.restored == len(made.images()) - 1


async def test_a_place_without_an_archive_is_a_wrong_setting() -> None:
    made = await restores()
    made.scene.store.objects.clear()
    with pytest.raises(ConfigurationError, match="no archive"):
        await made.to_folder()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "exactly one destination"),
        ({"to_folder": "x", "drill": True}, "exactly one destination"),
        ({"to_folder": "x", "rendition": "big"}, "no rendition 'big'"),
        ({"to_folder": "x", "sample": -1}, "`sample` is -1"),
        ({"into": Layout("bucket"), "sidecars": True}, "`sidecars` needs a folder"),
        ({"into": Layout("bucket"), "sample": 3}, "needs a seed"),
        ({"to_folder": "x", "template": "{date}"}, r"needs \{id\}"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        RestoreSettings(LAYOUT, **settings)  # type: ignore[arg-type]
