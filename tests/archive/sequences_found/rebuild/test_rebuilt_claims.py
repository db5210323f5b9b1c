"""What a rebuild says, and what it leaves as it was."""

from __future__ import annotations

import pytest

from stablecog_provider.adapters.memory import MemoryObject
from stablecog_provider.errors import ConfigurationError
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, days_of, stage_of


async def test_the_exit_code_is_3_if_a_changed_day_is_still_to_be_read_again() -> None:
    stage = stage_of(*days_of(20, 4))
    await stage.checked_run()
    day = stage.simulated.visible(NOON)[-1].g.date()
    earlier = stage.store.objects[LAYOUT.partition(day)]
    for output in [each for each in stage.simulated.visible(NOON) if each.g.date() == day][:5]:
        stage.simulated.upscale(output.id, NOON + HOUR)
    stage.clock.advance(DAY)
    await stage.checked_run(lookback=30 * DAY)
    # Both versions hold as many outputs, so the counts agree.
    stage.store.objects[LAYOUT.partition(day)] = earlier
    stage.clock.advance(DAY)
    report = await stage.rebuild()
    assert (report.outcome, report.exit_code) == ("rebuilt, with gaps", 3)
    assert any("still to be read again" in line for line in report.explain())


async def test_an_intact_archive_stays_as_it_is() -> None:
    stage = stage_of(*days_of(20, 4))
    await stage.checked_run()
    await stage.ordinary_runs(4)
    before = await stage.status()
    assert before.sweep.oldest is not None
    await stage.rebuild()
    assert (await stage.status()).sweep == before.sweep


@pytest.mark.long
async def test_weekly_rebuilds_do_not_keep_a_late_upscale_from_being_archived() -> None:
    stage = stage_of(*days_of(150, 12))
    await stage.checked_run()
    late = sorted(stage.simulated.visible(NOON), key=lambda each: each.o)[-200]
    stage.simulated.upscale(late.id, NOON + 3 * DAY)
    stage.clock.advance(3 * DAY)
    for _ in range(2):
        await stage.ordinary_runs(5)
        await stage.rebuild(check_images=True)
    assert (late.id, "upscaled") in await stage.rows()


async def test_a_prefix_with_images_of_another_tool_is_refused() -> None:
    stage = stage_of(*days_of(20, 4))
    stage.store.objects["stablecog/images/logo.png"] = MemoryObject(b"x", "1", "image/png", {})
    with pytest.raises(ConfigurationError, match="there is no archive"):
        await stage.rebuild()
    assert LAYOUT.checkpoint not in stage.store.objects


async def test_what_a_person_allowed_is_listed() -> None:
    stage = stage_of(*days_of(20, 4))
    await stage.checked_run()
    await stage.rebuild(allow_deletions=40, allow_account_mismatch=True)
    assert [(each.kind, each.count) for each in (await stage.status()).consents] == [("deletions", 40), ("account", 80)]


async def test_status_promises_nothing_of_a_partition_that_is_cut_off() -> None:
    stage = stage_of(*days_of(20, 4))
    await stage.checked_run()
    key = sorted(key for key in stage.store.objects if key.startswith(LAYOUT.manifest))[1]
    stage.store.objects[key] = MemoryObject(b"", "cut", "", {})
    assert "If they can be read, the next run" in " ".join((await stage.status()).explain())
