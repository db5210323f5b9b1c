"""A lifecycle rule that moved a partition to a class that cannot be read at once."""

from __future__ import annotations

from datetime import date

import pytest
from obstore import exceptions

from stablecog_provider.adapters.memory import Call
from stablecog_provider.adapters.store_errors import translate
from stablecog_provider.errors import ImageRejected, ObjectInArchiveClass
from support.injured import freeze
from support.scene import LAYOUT
from support.stage import DAY, NOON, Stage, days_of, stage_of
from support.store_operations import xml


def test_an_object_in_glacier_is_no_trouble_with_the_key() -> None:
    body = xml("InvalidObjectState", "The operation is not valid for the object's storage class")
    text = f"Server returned non-2xx status code: 403 Forbidden: {body}"
    error = translate(exceptions.PermissionDeniedError(text), "s3://b/p/manifest/dt=2026-10-01/manifest.parquet")
    assert isinstance(error, ObjectInArchiveClass)
    assert "access key" not in str(error), error


async def test_partitions_that_nobody_can_read_are_not_all_asked_for_in_each_run_of_a_moved_archive() -> None:
    stage = stage_of(*days_of(2, 120))
    await stage.ordinary_runs(1)
    days = sorted(day for key in stage.store.objects if (day := LAYOUT.parse_partition(key)) is not None)
    cold, asked = days[10:], list[str]()
    freeze(stage, *cold)
    refuse = stage.store.before

    def counted(call: Call) -> None:
        asked.extend([call.key] if call.operation == "get" and call.key in map(LAYOUT.partition, cold) else [])
        assert refuse is not None
        refuse(call)

    stage.store.before, stage.store.address = counted, "elsewhere"
    for _ in range(12):
        asked.clear()
        await stage.ordinary_runs(1)
        assert len(asked) <= 40
    # The ten that can be read are older than all others, and were looked at.
    assert (await stage.status()).unchecked == 110


async def _with_a_failed_image() -> tuple[Stage, date]:
    """An archive of 30 days whose oldest has an image that is due for another attempt."""
    stage = stage_of(*days_of(20, 30))
    oldest = min(stage.simulated.visible(NOON), key=lambda each: each.g)
    name = f"{oldest.image_name}.{oldest.extension}"
    stage.images.broken[name] = ImageRejected("an HTML page")
    await stage.checked_run()
    del stage.images.broken[name]
    stage.clock.advance(40 * DAY)
    return stage, oldest.g.date()


async def test_what_is_new_is_archived_and_the_day_is_named_and_read_once_it_is_restored() -> None:
    stage, day = await _with_a_failed_image()
    freeze(stage, day)
    (new,) = stage.simulated.add(stage.clock.now() - DAY, stage.clock.now() - DAY)
    for _ in range(4):
        report = await stage.checked_run()
        assert (report.outcome, report.exit_code) == ("proven, in part", 3)
        assert f"The day {day} was skipped" in " ".join(report.notes)
        assert "InvalidObjectState" in " ".join(report.notes)
        stage.clock.advance(DAY)
    assert (await stage.rows())[new.id, "original"].state == "archived"
    assert (await stage.status()).outcome == "proven, in part"
    stage.store.before = None
    assert [each.outcome for each in await stage.ordinary_runs(2)][-1] == "proven"
    await stage.assert_nothing_lost()


@pytest.mark.long
@pytest.mark.parametrize("frozen", [1, 5, 29])
async def test_an_archive_that_stands_still_goes_on(frozen: int) -> None:
    """Nothing is due and nothing is new; the newest partitions are the ones that were moved, all but one of the archive's."""
    stage = stage_of(*days_of(20, 30))
    await stage.checked_run()
    days = sorted(day for key in stage.store.objects if (day := LAYOUT.parse_partition(key)))
    stage.clock.advance(40 * DAY)
    freeze(stage, *days[-frozen:])
    for _ in range(12):
        report = await stage.checked_run()
        assert report.exit_code in (0, 3)
        stage.clock.advance(DAY)
    stage.store.before = None
    await stage.ordinary_runs(12)
    assert (await stage.checked_run()).outcome == "proven"


async def test_a_deletion_on_such_a_day_is_not_called_proven() -> None:
    stage = stage_of(*days_of(20, 30))
    await stage.checked_run()
    victim = sorted(stage.simulated.visible(NOON), key=lambda each: each.g)[25]
    freeze(stage, victim.g.date())
    stage.simulated.delete(victim.id, stage.clock.now())
    stage.clock.advance(DAY)
    (new,) = stage.simulated.add(stage.clock.now() - DAY / 2, stage.clock.now() - DAY / 2)
    stage.clock.advance(DAY)
    report = await stage.checked_run()
    assert report.outcome == "not proven"
    assert (await stage.rows())[new.id, "original"].state == "archived"
    stage.store.before = None
    await stage.ordinary_runs(2)
    assert (await stage.checked_run()).outcome == "proven"
