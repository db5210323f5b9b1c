"""An archive that is moved, or whose partition is restored, while images it names are not in the bucket."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.archive import phases
from stablecog_provider.errors import ImageRejected
from stablecog_provider.model.checkpoint import Checkpoint
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, Stage, days_of, stage_of


async def _moved(days: int = 3) -> Stage:
    """A proven archive of 20 outputs a day, copied to another store without its images."""
    stage = stage_of(*days_of(20, days))
    await stage.checked_run()
    stage.store.address = "another store"
    _remove_images(stage)
    stage.clock.advance(HOUR)
    return stage


def _remove_images(stage: Stage) -> None:
    for key in [key for key in stage.store.objects if key.startswith(LAYOUT.images)]:
        del stage.store.objects[key]


def _checkpoint(stage: Stage) -> Checkpoint:
    return Checkpoint.from_json(stage.store.objects[LAYOUT.checkpoint].body)


async def test_status_says_that_the_images_were_not_looked_for() -> None:
    stage = await _moved()
    status = await stage.status()
    assert (status.outcome, status.unchecked) == ("proven, in part", 3)
    assert any("images of 3 days are still to be looked for" in line for line in status.explain())


async def test_the_next_run_finds_them_missing_and_copies_them_again() -> None:
    stage = await _moved()
    report = await stage.checked_run()
    assert "60 stored images were looked for" in " ".join(report.notes)
    assert (report.outcome, report.unchecked, report.copied) == ("proven", 0, 60)
    await stage.assert_nothing_lost()
    again = await stage.checked_run()
    assert not again.notes


async def test_what_the_source_does_not_serve_any_more_is_counted_as_lost() -> None:
    stage = await _moved()
    victim = stage.simulated.visible(NOON)[5]
    stage.images.broken[f"{victim.image_name}.{victim.extension}"] = ImageRejected("broken for good")
    report = await stage.checked_run()
    assert (report.outcome, report.images.lost) == ("proven, with failed images", 1)


async def test_a_large_archive_is_looked_through_in_several_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phases, "IMAGES_LOOKED_FOR", 45)
    stage = await _moved(days=5)
    left = []
    for _ in range(3):
        report = await stage.checked_run()
        left.append((report.unchecked, report.outcome))
    assert left == [(3, "proven, in part"), (1, "proven, in part"), (0, "proven")]
    await stage.assert_nothing_lost()


async def test_an_archive_that_is_moved_and_has_lost_its_checkpoint_is_looked_through_after_a_rebuild() -> None:
    stage = await _moved()
    for key in [key for key in stage.store.objects if LAYOUT.parse_partition(key)]:
        day = LAYOUT.parse_partition(key)
        assert day is not None

        await stage.ports().manifest.amend(
            day, lambda row: replace(row, uri=(row.uri or "").replace("s3://archive/", "s3://older/"))
        )
    del stage.store.objects[LAYOUT.checkpoint]
    await stage.rebuild()
    assert (await stage.status()).unchecked == 3
    assert (await stage.checked_run()).outcome == "proven"
    await stage.assert_nothing_lost()


async def test_an_image_that_is_lost_is_noticed_though_its_partition_is_restored_to_before_that() -> None:
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    victim = stage.simulated.visible(NOON)[5]
    key = LAYOUT.partition(victim.g.date())
    before = stage.store.objects[key]
    row = (await stage.rows())[victim.id, "original"]
    del stage.store.objects[stage.key_of(row.uri)]
    name = f"{victim.image_name}.{victim.extension}"
    stage.images.broken[name] = ImageRejected("broken for a while")
    await stage.rebuild(check_images=True)
    assert (await stage.ordinary_runs(1))[0].outcome == "proven, with failed images"
    stage.store.objects[key] = before
    report = await stage.checked_run()
    assert (report.outcome, report.images.lost) == ("proven, with failed images", 1)
    del stage.images.broken[name]
    stage.clock.advance(8 * DAY)
    await stage.ordinary_runs(2)
    await stage.assert_nothing_lost()


async def test_a_day_that_is_marked_again_while_it_is_looked_at_stays_marked() -> None:
    stage = await _moved()
    day = max(each.g for each in stage.simulated.visible(NOON)).date()

    def meanwhile(call: Call) -> None:
        if call == Call("list", LAYOUT.images_of(day)):
            stage.store.after = None
            found = _checkpoint(stage)
            stored = stage.store.objects[LAYOUT.checkpoint]
            body = replace(found, unchecked={**found.unchecked, day: "another version"}).to_json()
            stage.store.objects[LAYOUT.checkpoint] = replace(stored, body=body, version="another run's")

    stage.store.after = meanwhile
    report = await stage.checked_run()
    assert (report.unchecked, report.outcome) == (1, "proven, in part")
    assert _checkpoint(stage).unchecked == {day: "another version"}
    assert (await stage.checked_run()).unchecked == 0
