"""The listing does not show a live output, and the numbers agree because another one was deleted: it must not be marked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import FixedClock
from stablecog_provider.model.page import Order, Page, PageQuery
from stablecog_provider.simulator.dialect import DOCUMENTED
from support.scene import SimulatedSource
from support.stage import DAY, HOUR, NOON, Ask, days_of, stage_of

MINUTE = timedelta(minutes=1)
MIDNIGHT = NOON - timedelta(hours=12) - DAY * 10


async def test_pages_are_behind_and_counts_ignore_dates() -> None:
    """The newest page and its total are of now; all others are an hour old: one output less, and one that was deleted."""
    stage = stage_of(*days_of(20, 10), 5 * HOUR, 4 * HOUR, HOUR / 2, dialect=DOCUMENTED)
    await stage.checked_run()
    victim, newest = stage.simulated.visible(NOON)[-3], stage.simulated.visible(NOON)[-1]
    stage.clock.advance(20 * MINUTE)
    stage.simulated.delete(victim.id, stage.clock.now() - 5 * MINUTE)

    async def play(query: PageQuery, ask: Ask) -> Page:
        if query.cursor is None:
            return await ask(query)
        behind = SimulatedSource(stage.simulated, stage.dialect, FixedClock(stage.clock.now() - HOUR))
        return replace(await behind.page(query), source_time=stage.clock.now())

    stage.play = play
    assert (await stage.checked_run()).outcome == "not proven"
    assert (await stage.rows())[newest.id, "original"].deleted_at is None
    stage.play = None
    (report,) = await stage.ordinary_runs(1)
    assert (report.outcome, report.tombstoned) == ("proven", 1)


@pytest.mark.long
async def test_a_slow_output_among_many_deletions() -> None:
    """So many outputs of a day were deleted that they are counted in groups; one more is deleted while that is done."""
    stage = stage_of(*days_of(200, 15))
    (slow,) = stage.simulated.add(MIDNIGHT - 5 * MINUTE, MIDNIGHT - 5 * MINUTE + HOUR)
    await stage.checked_run()
    await stage.ordinary_runs(1)
    of_day = [output for output in stage.simulated.visible(NOON) if MIDNIGHT - DAY < output.g < MIDNIGHT]
    gone = of_day[5:180:6]
    for output in gone:
        stage.simulated.delete(output.id, stage.clock.now())
    last = of_day[-3]

    async def play(query: PageQuery, ask: Ask) -> Page:
        page = await ask(query)
        shown = {output.id for output in page.outputs}
        if query.order is Order.ASCENDING and last.id in shown and gone[0].id not in shown:
            stage.simulated.delete(last.id, stage.clock.now())
        return page

    stage.play = play
    # Each run checks that nothing live is marked.
    reports = await stage.ordinary_runs(3)
    assert reports[-1].outcome == "proven"
    assert sum(report.tombstoned for report in reports) == len(gone) + 1
    assert (await stage.rows())[slow.id, "original"].deleted_at is None
