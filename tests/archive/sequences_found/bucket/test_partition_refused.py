"""A partition that the store refuses to hand out: a policy or a KMS key that covers others only."""

from __future__ import annotations

from datetime import date

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import ArchiveError, ConfigurationError, CredentialsRejected, ImageRejected
from support.scene import LAYOUT
from support.stage import DAY, NOON, Stage, days_of, stage_of

REFUSALS = [
    CredentialsRejected("403 AccessDenied", hint="check that no bucket policy denies it"),
    CredentialsRejected("403 AccessDenied kms:Decrypt", hint="allow these credentials to use the bucket's KMS key"),
    ConfigurationError("400 KMS.DisabledException", hint="enable the KMS key of the bucket"),
]


def refuse(stage: Stage, error: ArchiveError, *days: date) -> None:
    keys = {LAYOUT.partition(day) for day in days}

    def before(call: Call) -> None:
        if call.operation == "get" and call.key in keys:
            raise type(error)(error.message, hint=error.hint)

    stage.store.before = before


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: error.message)
@pytest.mark.parametrize("which", [0, -1], ids=["oldest", "newest"])
async def test_what_is_new_is_archived_and_the_day_is_named_with_what_to_do(error: ArchiveError, which: int) -> None:
    stage = stage_of(*days_of(20, 30))
    oldest = sorted(stage.simulated.visible(NOON), key=lambda each: each.g)[which]
    name = f"{oldest.image_name}.{oldest.extension}"
    stage.images.broken[name] = ImageRejected("an HTML page")
    await stage.checked_run()
    del stage.images.broken[name]
    stage.clock.advance(40 * DAY)
    day = oldest.g.date()
    refuse(stage, error, day)
    (new,) = stage.simulated.add(stage.clock.now() - DAY, stage.clock.now() - DAY)
    for _ in range(3):
        report = await stage.checked_run()
        # The newest day is compared again with what is new; without its partition, it cannot be.
        assert report.outcome in (("proven, in part",) if which == 0 else ("proven, in part", "not proven"))
        assert report.exit_code == 3
        told = " ".join(report.notes)
        assert f"The day {day} was skipped, since its partition cannot be read: {error.message}" in told
        assert error.hint in told
        assert "lifecycle" not in told
        stage.clock.advance(DAY)
    stage.store.before = None
    assert (await stage.rows())[new.id, "original"].state == "archived"
    assert [each.outcome for each in await stage.ordinary_runs(2)][-1] == "proven"
    await stage.assert_nothing_lost()


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: error.message)
async def test_if_every_partition_is_refused_the_run_ends_with_that_error(error: ArchiveError) -> None:
    stage = stage_of(*days_of(20, 30))
    await stage.checked_run()
    stage.clock.advance(40 * DAY)
    stage.simulated.add(stage.clock.now() - DAY, stage.clock.now() - DAY)
    refuse(stage, error, *(day for key in stage.store.objects if (day := LAYOUT.parse_partition(key))))
    before = dict(stage.store.objects)
    with pytest.raises(type(error), match=error.message):
        await stage.run()
    partitions = {key: item for key, item in stage.store.objects.items() if LAYOUT.parse_partition(key)}
    assert partitions == {key: item for key, item in before.items() if LAYOUT.parse_partition(key)}


async def test_an_archive_of_a_single_day_that_is_refused_says_so() -> None:
    stage = stage_of(DAY / 2)
    await stage.checked_run()
    stage.clock.advance(2 * DAY)
    (day,) = [day for key in stage.store.objects if (day := LAYOUT.parse_partition(key))]
    refuse(stage, REFUSALS[0], day)
    with pytest.raises(CredentialsRejected):
        await stage.run()
