"""An output waited an hour in the queue, across midnight: a reading of its own day does not list it. Others are deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from stablecog_provider.adapters.memory import FixedClock
from stablecog_provider.model.page import Order, Page, PageQuery
from stablecog_provider.simulator.dialect import CURRENT, Dialect
from stablecog_provider.simulator.outputs import SimulatedOutput
from support.scene import SimulatedSource
from support.stage import DAY, HOUR, NOON, Ask, Stage, days_of, stage_of

MIDNIGHT = NOON - timedelta(hours=12) - DAY * 10


async def _with_a_slow_output(per_day: int, waited: timedelta = HOUR) -> tuple[Stage, str]:
    stage = stage_of(*days_of(per_day, 30))
    (slow,) = stage.simulated.add(MIDNIGHT - timedelta(minutes=5), MIDNIGHT - timedelta(minutes=5) + waited)
    await stage.checked_run()
    await stage.ordinary_runs(1)
    return stage, slow.id


def _of_the_day(stage: Stage) -> list[SimulatedOutput]:
    return [each for each in stage.simulated.visible(NOON) if MIDNIGHT - DAY < each.g < MIDNIGHT - timedelta(hours=2)]


async def _deleted_at(stage: Stage, output_id: str) -> datetime | None:
    return (await stage.rows())[output_id, "original"].deleted_at


@pytest.mark.long
async def test_a_deletion_while_its_place_is_read_again() -> None:
    """The listing lacks the slow output, and the count lacks what was deleted since: the numbers agree."""
    stage, slow = await _with_a_slow_output(200)
    first, second = _of_the_day(stage)[5], _of_the_day(stage)[9]
    stage.simulated.delete(first.id, stage.clock.now())

    async def play(query: PageQuery, ask: Ask) -> Page:
        page = await ask(query)
        shown = {output.id for output in page.outputs}
        if query.order is Order.ASCENDING and second.id in shown and first.id not in shown:
            stage.simulated.delete(second.id, stage.clock.now())
        return page

    stage.play = play
    await stage.ordinary_runs(1)
    assert await _deleted_at(stage, slow) is None
    stage.play = None
    (report,) = await stage.ordinary_runs(1)
    assert report.outcome == "proven"
    assert await _deleted_at(stage, first.id)
    assert await _deleted_at(stage, second.id)


@pytest.mark.long
async def test_two_deletions_and_a_listing_that_is_behind() -> None:
    stage, slow = await _with_a_slow_output(200)
    stage.simulated.delete(_of_the_day(stage)[5].id, stage.clock.now())
    stage.clock.advance(DAY)
    stage.simulated.delete(_of_the_day(stage)[9].id, stage.clock.now() - HOUR / 2)

    async def play(query: PageQuery, ask: Ask) -> Page:
        if query.start is not None:
            return await ask(query)
        behind = SimulatedSource(stage.simulated, stage.dialect, FixedClock(stage.clock.now() - HOUR))
        return replace(await behind.page(query), source_time=stage.clock.now())

    stage.play = play
    await stage.run()
    assert await _deleted_at(stage, slow) is None


@pytest.mark.long
async def test_one_deletion_is_marked_at_once() -> None:
    stage, _ = await _with_a_slow_output(200)
    stage.simulated.delete(_of_the_day(stage)[5].id, stage.clock.now())
    (report,) = await stage.ordinary_runs(1)
    assert (report.outcome, report.tombstoned) == ("proven", 1)


@pytest.mark.parametrize("waited", [timedelta(minutes=4), HOUR])
@pytest.mark.long
@pytest.mark.parametrize("outputs", [2, 4])
async def test_one_of_a_slow_generation_is_deleted(waited: timedelta, outputs: int) -> None:
    """Its outputs were requested at one instant, so that a count cannot tell which one is gone."""
    stage = stage_of(*days_of(200, 20))
    at = MIDNIGHT - timedelta(minutes=5)
    made = stage.simulated.add(at, *[at + waited + timedelta(milliseconds=number) for number in range(outputs)])
    await stage.checked_run()
    await stage.ordinary_runs(1)
    stage.simulated.delete(made[0].id, stage.clock.now())
    reports = await stage.ordinary_runs(3)
    assert await _deleted_at(stage, made[0].id)
    assert reports[-1].outcome == "proven"
    await stage.assert_nothing_lost()


@pytest.mark.long
@pytest.mark.parametrize("dialect", [CURRENT, replace(CURRENT, counts_by_date=False)], ids=["dated", "undated"])
@pytest.mark.parametrize("waited", [timedelta(minutes=2), HOUR])
async def test_what_was_deleted_comes_back(waited: timedelta, dialect: Dialect) -> None:
    """The place is remembered while one output is missing, and settled once it is back."""
    stage = stage_of(*days_of(60, 30))
    stage.dialect = dialect
    stage.simulated.add(MIDNIGHT - timedelta(minutes=1), MIDNIGHT - timedelta(minutes=1) + waited)
    await stage.checked_run()
    await stage.ordinary_runs(1)
    victim = _of_the_day(stage)[9]
    stage.simulated.delete(victim.id, stage.clock.now())
    await stage.ordinary_runs(2)
    victim.deleted_at = None
    reports = await stage.ordinary_runs(16)
    await stage.assert_nothing_lost()
    assert reports[-1].outcome == "proven"


@pytest.mark.parametrize("minutes", [4, 8])
async def test_a_run_in_a_busy_hour_leaves_no_lasting_doubt(minutes: int) -> None:
    """Everything takes some minutes: more and less than what a reading of a place looks ahead."""
    stage = stage_of(*days_of(20, 10))
    for number in range(360):
        at = NOON - timedelta(minutes=30) - timedelta(seconds=10) * number
        stage.simulated.add(at, at + timedelta(minutes=minutes))
    await stage.checked_run()
    await stage.ordinary_runs(2, HOUR)
    reports = await stage.ordinary_runs(2, DAY)
    await stage.assert_nothing_lost()
    assert [report.outcome for report in reports] == ["proven"] * 2
