"""Counts that are derived from the total: it may be behind the listing, and a page may cut an instant in two."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from stablecog_provider.model.page import Page, PageQuery
from stablecog_provider.simulator.dialect import DOCUMENTED
from support.stage import DAY, NOON, SETTLED, Ask, days_of, every, stage_of

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("behind", [1, 5])
async def test_a_total_that_is_behind_ends_no_run(behind: int) -> None:
    """All outputs are of the last minutes, so that less than none seem to be older."""
    stage = stage_of(*every(10 * SECOND, 8, 90 * SECOND), dialect=DOCUMENTED)

    async def count_less(query: PageQuery, ask: Ask) -> Page:
        page = await ask(query)
        return replace(page, total=None if page.total is None else page.total - behind)

    stage.play = count_less
    assert (await stage.checked_run()).new == 0
    stage.play = None
    stage.clock.advance(SETTLED)
    assert (await stage.checked_run()).outcome == "proven"
    await stage.assert_nothing_lost()


async def test_an_instant_that_a_page_cuts_is_counted_whole() -> None:
    """The newest page ends with two of the four outputs that were requested at the end of what is claimed."""
    stage = stage_of(*days_of(5, 5), dialect=DOCUMENTED)
    await stage.checked_run()
    end = NOON + DAY - timedelta(minutes=5)
    stage.simulated.add(end, *[end + 5 * SECOND] * 4)
    for number in range(1, 299):
        stage.simulated.add(end + number * SECOND / 2, end + number * SECOND / 2 + SECOND)
    (report,) = await stage.ordinary_runs(1)
    assert report.outcome == "proven"
    assert report.source_requests < 10
