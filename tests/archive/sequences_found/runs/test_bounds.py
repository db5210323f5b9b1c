"""What `--start` and `--end` leave out is neither archived nor claimed."""

from __future__ import annotations

import pytest

from stablecog_provider.simulator.dialect import PRESETS
from support.stage import DAY, HOUR, NOON, days_of, stage_of


@pytest.mark.parametrize("dialect", PRESETS)
async def test_the_second_reading_reads_only_what_was_read_before(dialect: str) -> None:
    stage = stage_of(*days_of(100, 12), dialect=PRESETS[dialect])
    start = NOON - 2.5 * DAY
    await stage.run(start=start)
    assert len(await stage.rows()) == 200
    stage.clock.advance(HOUR)
    report = await stage.run(start=start)

    assert (report.new, len(await stage.rows())) == (0, 200)


async def test_a_run_with_an_end_proves_a_part() -> None:
    """The first part of a backfill. The documentation: "a run with `--start` or `--end` leaves periods that are not archived"."""
    stage = stage_of(*days_of(20, 10))
    report = await stage.run(end=NOON - 8.5 * DAY)
    assert len(await stage.rows()) == 40

    assert (report.outcome, report.exit_code, (await stage.status()).outcome) == (
        "proven, in part",
        3,
        "proven, in part",
    )


async def test_a_consent_that_nobody_needed_ends_though_the_archive_is_a_part() -> None:
    """An archive that begins at `--start` is never proven whole, and only that would end the consent."""
    stage = stage_of(*days_of(100, 5))
    start = NOON - 4.5 * DAY
    await stage.run(start=start, allow_deletions=300)
    stage.clock.advance(DAY)
    assert (await stage.run(start=start)).outcome == "proven, in part"
    for output in stage.simulated.visible(NOON)[100:400]:
        stage.simulated.delete(output.id, stage.clock.now())
    stage.clock.advance(DAY)
    report = await stage.run(start=start)
    assert (report.outcome, report.tombstoned) == ("not proven", 0)
