"""Two servers, one of which is an hour behind: pages come from it, counts from the other one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from stablecog_provider.adapters.memory import FixedClock
from stablecog_provider.model.page import Page, PageQuery
from support.scene import SimulatedSource
from support.stage import HOUR, NOON, Ask, days_of, stage_of


async def test_equal_numbers_of_different_outputs() -> None:
    """The pages lack the newest output and still show one that was deleted: as many as the source counts."""
    stage = stage_of(*days_of(20, 10), 5 * HOUR, 4 * HOUR, HOUR / 2)
    await stage.checked_run()
    victim, newest = stage.simulated.visible(NOON)[-3], stage.simulated.visible(NOON)[-1]
    stage.clock.advance(timedelta(minutes=20))
    stage.simulated.delete(victim.id, stage.clock.now() - timedelta(minutes=5))

    async def play(query: PageQuery, ask: Ask) -> Page:
        if query.start is not None and BY_DATE[0] < query.start.year < BY_DATE[1]:
            return await ask(query)
        behind = SimulatedSource(stage.simulated, stage.dialect, FixedClock(stage.clock.now() - HOUR))
        return replace(await behind.page(query), source_time=stage.clock.now())

    stage.play = play
    await stage.run()
    assert (await stage.rows())[newest.id, "original"].deleted_at is None
    stage.play = None
    (report,) = await stage.ordinary_runs(1)
    assert (report.outcome, report.tombstoned) == ("proven", 1)
    assert (await stage.rows())[victim.id, "original"].deleted_at


BY_DATE = (1, 2100)
"""Years of the bounds of a count; the probe asks beyond them."""
