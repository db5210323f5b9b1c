"""The source keeps nine digits of an instant, and the archive six."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from stablecog_provider.model.page import Order, Page, PageQuery
from stablecog_provider.model.times import MICROSECOND
from support.stage import DAY, HOUR, NOON, Ask, days_of, stage_of

AT = NOON - timedelta(hours=12) - DAY * 10 - timedelta(minutes=5)
"""Before midnight: a reading of its day does not list what completes an hour later."""


async def half_a_microsecond_later(query: PageQuery, ask: Ask) -> Page:
    """Everything is a little later than its six digits say."""
    if query.order is Order.ASCENDING and isinstance(query.cursor, datetime):
        query = replace(query, cursor=query.cursor - MICROSECOND)
    if query.end is not None:
        query = replace(query, end=query.end - MICROSECOND)
    return await ask(query)


@pytest.mark.long
@pytest.mark.parametrize("number", [3, 10])
async def test_a_live_output_is_not_marked(number: int) -> None:
    stage = stage_of(*days_of(200, 20))
    (slow,) = stage.simulated.add(AT, AT + HOUR)
    stage.play = half_a_microsecond_later
    await stage.checked_run()
    await stage.ordinary_runs(1)
    near = [each for each in stage.simulated.visible(NOON) if timedelta(hours=2) < AT - each.g < DAY]
    stage.simulated.delete(near[number].id, stage.clock.now())
    await stage.ordinary_runs(4)
    assert (await stage.rows())[slow.id, "original"].deleted_at is None


@pytest.mark.long
@pytest.mark.parametrize("from_the_start", [True, False])
async def test_a_microsecond_with_more_outputs_than_a_page_ends_no_run(from_the_start: bool) -> None:
    stage = stage_of(*days_of(20, 5))
    at = NOON - DAY - HOUR
    for number in range(900):
        stage.simulated.add(at + number * 40 * MICROSECOND, at + timedelta(seconds=5))
    if from_the_start:
        stage.play = half_a_microsecond_later
    await stage.checked_run()
    stage.play = half_a_microsecond_later
    stage.simulated.add(stage.clock.now() + HOUR)
    reports = await stage.ordinary_runs(3)
    assert all(report.source_requests <= report.request_limit for report in reports)
    assert len(await stage.rows()) > 100
