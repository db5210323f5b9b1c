"""A run that ends while another one has found that the counts differ."""

from __future__ import annotations

import asyncio
from typing import Any

from stablecog_provider.model.page import Page, PageQuery
from support.stage import HOUR, Ask, days_of, stage_of


async def test_the_report_names_the_period() -> None:
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    stage.clock.advance(HOUR)
    asleep, wake = asyncio.Event(), asyncio.Event()
    slow = stage.beside()

    async def sleep_after(query: PageQuery, ask: Ask) -> Page:
        page = await ask(query)
        if query.end is not None:
            asleep.set()
            await wake.wait()
        return page

    slow.play = sleep_after
    sleeping = asyncio.create_task(slow.run())
    await asleep.wait()

    def one_more(document: dict[str, Any]) -> None:
        if document.get("total"):
            document["total"] += 1

    stage.spoil = one_more
    (report,) = await stage.ordinary_runs(1)
    assert report.outcome == "not proven"
    assert report.differences
    wake.set()
    late = await sleeping
    assert (late.outcome, late.differences) == ("not proven", report.differences)
