"""Instants at the ends of the calendar: clocks that were never set, and a lookback of ages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stablecog_provider.adapters.memory import FixedClock
from stablecog_provider.errors import ImageRejected
from stablecog_provider.model.page import Page, PageQuery
from support.stage import DAY, Ask, Stage, days_of, stage_of

NEVER_SET = [datetime(1970, 1, 1, 0, 0, 10, tzinfo=UTC), datetime(2000, 1, 1, 0, 0, 10, tzinfo=UTC)]


async def _with_a_failed_image() -> Stage:
    stage = stage_of(*days_of(5, 4))
    oldest = min(stage.simulated.visible(), key=lambda each: each.g)
    stage.images.broken[f"{oldest.image_name}.{oldest.extension}"] = ImageRejected("an HTML page")
    await stage.checked_run()
    stage.images.broken.clear()
    stage.clock.advance(DAY)
    return stage


async def _goes_on(stage: Stage) -> None:
    await stage.run()
    await stage.rebuild()
    stage.play, stage.our_clock = None, stage.clock
    await stage.ordinary_runs(2)
    await stage.assert_nothing_lost()
    assert (await stage.checked_run()).outcome == "proven"


@pytest.mark.parametrize("instant", NEVER_SET)
async def test_our_own_clock(instant: datetime) -> None:
    stage = await _with_a_failed_image()
    stage.our_clock = FixedClock(instant)
    await _goes_on(stage)


async def test_the_sources_clock() -> None:
    stage = await _with_a_failed_image()

    async def play(query: PageQuery, ask: Ask) -> Page:
        return replace(await ask(query), source_time=NEVER_SET[-1])

    stage.play = play
    await _goes_on(stage)


async def test_a_lookback_of_ages_goes_back_to_the_beginning() -> None:
    stage = stage_of(*days_of(5, 4))
    await stage.checked_run()
    assert (await stage.checked_run(lookback=timedelta(days=999_999_999))).outcome == "proven"
