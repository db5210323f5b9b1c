"""What was forgotten is found nowhere in the bucket, is counted as before, and does not come back."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.errors import ArchiveDamaged, ConfigurationError, ImageRejected
from stablecog_provider.model.object_keys import day_of
from stablecog_provider.model.row_lifecycle import image_name, is_live
from support.archived import rebuilt
from support.forgotten import (
    archived_with_secrets,
    assert_forgotten,
    everything,
    found_in,
    ids_of,
    keys_below,
    secret_of,
    some,
    traces_of,
)
from support.scene import LAYOUT, Scene
from support.worlds import checkpoint


async def test_no_trace_is_left_and_the_next_run_is_proven_and_copies_nothing() -> None:
    scene = await archived_with_secrets()
    rows, before = await some(scene), await scene.rows()
    others = {key: row for key, row in before.items() if row.output_id not in ids_of(rows)}
    assert len(found_in(everything(scene.store), traces_of(rows))) > len(rows) * 4, "there is something to find"
    report = await scene.forget(id=ids_of(rows), yes=True, reason="asked for by ticket 17")
    assert (report.outcome, report.count) == ("forgotten", 3)
    await assert_forgotten(scene, rows)
    after = await scene.rows()
    assert {key: after[key] for key in others} == others
    assert sum(map(is_live, after.values())) == sum(map(is_live, before.values()))
    for _ in range(3):
        scene.clock.advance(timedelta(days=1))
        run = await scene.run()
        assert (run.outcome, run.copied, run.new) == ("proven", 0, 0), run.explain()
        await assert_forgotten(scene, rows)
    (record,) = keys_below(scene, "forgotten/")
    assert json.loads(scene.store.objects[record].body)["reason"] == "asked for by ticket 17"


async def test_without_yes_it_lists_and_changes_nothing() -> None:
    scene = await archived_with_secrets()
    rows, before = await some(scene), dict(scene.store.objects)
    report = await scene.forget(id=ids_of(rows))
    assert (report.outcome, report.dry_run, report.count) == ("would forget", True, 3)
    assert sorted(each.output_id for each in report.outputs) == sorted(ids_of(rows))
    assert sum(each.images for each in report.outputs) == len(rows)
    assert scene.store.objects == before
    text = " ".join(report.explain())
    assert all(output_id in text for output_id in ids_of(rows))
    assert not any(secret_of(output_id) in text for output_id in ids_of(rows))
    assert "--yes" in text


async def test_a_condition_is_not_written_anywhere() -> None:
    scene = await archived_with_secrets()
    rows = await some(scene, 1)
    word = secret_of(rows[0].output_id)
    report = await scene.forget(where=f"prompt ILIKE '%{word}%'", yes=True)
    assert report.count == 1
    await assert_forgotten(scene, rows)


async def test_more_than_a_tenth_wants_the_number() -> None:
    scene = await archived_with_secrets()
    before = dict(scene.store.objects)
    outputs = len({row.output_id for row in (await scene.rows()).values()})
    listed = await scene.forget(where="true")
    assert listed.needs == outputs
    assert f"--yes-really {outputs}" in " ".join(listed.explain())
    with pytest.raises(ConfigurationError, match="more than 10 %"):
        await scene.forget(where="true", yes=True)
    with pytest.raises(ConfigurationError, match="nothing was changed"):
        await scene.forget(where="true", yes_really=outputs - 1)
    assert scene.store.objects == before
    report = await scene.forget(where="true", yes_really=outputs)
    assert report.count == outputs
    assert keys_below(scene, "images/") == []
    run = await scene.run()
    assert (run.outcome, run.copied) == ("proven", 0), run.explain()


async def test_a_retention_policy_forgets_what_the_source_deleted_long_ago() -> None:
    scene = await archived_with_secrets()
    rows = await some(scene)
    gone = [output for output in scene.simulated.visible(scene.clock.now()) if output.id in ids_of(rows)]
    for output in gone:
        output.deleted_at = scene.clock.now()
    for _ in range(2):
        scene.clock.advance(timedelta(days=2))
        await scene.run()
    now = await scene.rows()
    assert all(now[row.key].deleted_at for row in rows)
    assert (await scene.forget(deleted_at_source=True, older_than=timedelta(days=90))).count == 0
    scene.clock.advance(timedelta(days=90))
    assert (await scene.forget(deleted_at_source=True, older_than=timedelta(days=90), yes=True)).count == len(gone)
    await assert_forgotten(scene, rows)
    run = await scene.run()
    assert (run.outcome, run.copied, run.tombstoned) == ("proven", 0, 0), run.explain()


async def test_a_late_upscale_of_a_forgotten_output_is_not_copied() -> None:
    scene = await archived_with_secrets()
    upscaled = {row.output_id for row in (await scene.rows()).values() if row.rendition == "upscaled"}
    (output,) = [each for each in scene.simulated.visible(scene.clock.now()) if each.id not in upscaled][:1]
    await scene.forget(id=(output.id,), yes=True)
    scene.clock.advance(timedelta(minutes=10))
    output.upscaled_at = scene.clock.now()
    for _ in range(3):
        scene.clock.advance(timedelta(hours=20))
        assert (await scene.run()).copied == 0
    assert (await scene.rows())[output.id, "upscaled"].state == "forgotten"
    assert not [key for key in scene.store.objects if output.id in key]


async def test_rebuild_and_verify_take_forgotten_images_for_what_they_are() -> None:
    scene = await archived_with_secrets()
    rows = await some(scene)
    await scene.forget(id=ids_of(rows), yes=True)
    report = await scene.verify()
    assert (report.outcome, report.findings) == ("intact", ())
    again = await rebuilt(scene, check_images=True)
    assert again.lost_images == ()
    assert (await scene.run()).outcome == "proven"
    await assert_forgotten(scene, rows)


@pytest.mark.parametrize("lost_checkpoint", [False, True])
async def test_a_partition_that_is_lost_later_brings_nothing_back(lost_checkpoint: bool) -> None:
    scene = await archived_with_secrets()
    rows = await some(scene)
    await scene.forget(id=ids_of(rows), yes=True)
    for row in rows:
        scene.store.objects.pop(LAYOUT.partition(day_of(row.created_at)), None)
    if lost_checkpoint:
        del scene.store.objects[LAYOUT.checkpoint]
    await rebuilt(scene)
    for _ in range(2):
        assert (await scene.run()).outcome == "proven"
    await scene.forget(yes=True)
    await assert_forgotten(scene, rows)


async def test_an_earlier_partition_that_is_restored_is_forgotten_again_by_a_rebuild() -> None:
    scene = await archived_with_secrets()
    rows = await some(scene, 1)
    key = LAYOUT.partition(day_of(rows[0].created_at))
    before = scene.store.objects[key]
    await scene.forget(id=ids_of(rows), yes=True)
    scene.store.objects[key] = before
    await rebuilt(scene)
    assert checkpoint(scene).forgetting
    assert "forget --to" in " ".join((await scene.run()).explain())
    await scene.forget(yes=True)
    await assert_forgotten(scene, rows)


async def test_reports_lose_what_they_say_of_it_and_nothing_else() -> None:
    scene = await archived_with_secrets()
    rows = await some(scene, 2)
    forgotten, kept = [row for row in rows if row.rendition == "original"][:2]
    for row in (forgotten, kept):
        scene.images.broken[image_name(row.source_url)] = ImageRejected(f"not an image: {row.source_url}")
        del scene.store.objects[LAYOUT.own_image(row.uri or "") or ""]
    await rebuilt(scene, check_images=True)
    scene.clock.advance(timedelta(hours=1))
    assert (await scene.run()).failures
    await scene.verify()
    scene.images.broken.clear()
    await scene.forget(id=(forgotten.output_id,), yes=True)
    await assert_forgotten(scene, [row for row in rows if row.output_id == forgotten.output_id])
    reports = [json.loads(scene.store.objects[key].body) for key in keys_below(scene, "runs/")]
    failures = [each for report in reports for each in report.get("failures", [])]
    assert {each["output_id"] for each in failures} == {forgotten.output_id, kept.output_id}
    assert {image_name(kept.source_url) in each["reason"] for each in failures} == {True, False}


async def test_partitions_that_were_set_aside_go_as_well() -> None:
    scene = await archived_with_secrets()
    rows = await some(scene, 1)
    key = LAYOUT.partition(day_of(rows[0].created_at))
    body = scene.store.objects[key].body
    await scene.store.put(key, body[:-9] + b"x" * 9 + secret_of(rows[0].output_id).encode(), content_type="x/y")
    await rebuilt(scene, set_aside_damaged=True)
    await scene.run()
    assert keys_below(scene, "damaged/")
    await scene.forget(id=ids_of(rows), yes=True)
    assert keys_below(scene, "damaged/") == []
    await assert_forgotten(scene, rows)


async def test_what_is_unknown_is_named() -> None:
    scene = await archived_with_secrets()
    report = await scene.forget(id=("nobody",), yes=True)
    assert (report.outcome, report.unknown) == ("nothing to forget", ("nobody",))
    assert "nobody" in " ".join(report.explain())
    assert (await scene.forget()).explain() == [
        "Nothing was chosen, and no earlier forget is left to continue. Pass an id, a condition or an age."
    ]
    with pytest.raises(ConfigurationError, match="no archive"):
        await Scene(scene.simulated, store=MemoryObjectStore()).forget(id=("a",))


async def test_with_an_unreadable_partition_nothing_is_changed() -> None:
    scene = await archived_with_secrets()
    (row,) = (await some(scene, 1))[:1]
    await scene.store.put(LAYOUT.partition(day_of(row.created_at)), b"PAR1, but no more", content_type="x/y")
    before = dict(scene.store.objects)
    with pytest.raises(ArchiveDamaged):
        await scene.forget(id=(row.output_id,), yes=True)
    assert scene.store.objects == before


async def test_siblings_that_keep_the_prompt_are_counted() -> None:
    scene = await archived_with_secrets()
    rows = (await scene.rows()).values()
    by_generation: dict[str | None, set[str]] = {}
    for row in rows:
        by_generation.setdefault(row.generation_id, set()).add(row.output_id)
    one, *others = max(map(sorted, by_generation.values()), key=len)
    report = await scene.forget(id=(one,))
    assert report.siblings == len(others) > 0
    assert "generation_id" in " ".join(report.explain())
    assert (await scene.forget(id=(one, *others))).siblings == 0


async def test_an_image_that_is_left_is_an_orphan_with_a_way_out() -> None:
    scene = await archived_with_secrets()
    rows = await some(scene, 1)
    key = LAYOUT.own_image(rows[0].uri or "") or ""
    body = scene.store.objects[key]
    await scene.forget(id=ids_of(rows), yes=True)
    scene.store.objects[key] = body
    (finding,) = (await scene.verify(level="listing")).findings
    assert (finding.kind, finding.key) == ("orphan", key)
    assert f"forget --id {rows[0].output_id} --yes" in finding.detail
    await scene.forget(id=ids_of(rows), yes=True)
    await assert_forgotten(scene, rows)
