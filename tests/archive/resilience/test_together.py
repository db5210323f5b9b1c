"""Several at once: results in order, or one error."""

from __future__ import annotations

import asyncio

import pytest

from stablecog_provider.archive.resilience.together import awaited, together
from stablecog_provider.archive.restoring.workers import each_of, for_each
from stablecog_provider.errors import ArchiveDamaged, ConfigurationError, StoreUnavailable
from stablecog_provider.model.page import Page, PageQuery
from support.stage import Ask, days_of, stage_of


async def _after(turns: int, outcome: int | Exception) -> int:
    for _ in range(turns):
        await asyncio.sleep(0)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def test_results_are_in_the_order_of_the_coroutines() -> None:
    assert await together(_after(3 - number, number) for number in range(3)) == [0, 1, 2]


async def test_of_several_errors_the_gravest_is_raised_itself() -> None:
    failures = [StoreUnavailable("down"), ArchiveDamaged("torn"), ConfigurationError("wrong")]
    with pytest.raises(ArchiveDamaged, match="torn"):
        await together(_after(1, failure) for failure in failures)


async def test_an_error_stops_the_others() -> None:
    ended = []

    async def slow() -> int:
        await asyncio.Event().wait()
        ended.append("by itself")
        return 0

    with pytest.raises(StoreUnavailable):
        await together([slow(), _after(2, StoreUnavailable("down"))])
    assert ended == []


async def test_a_page_that_ends_in_a_cancellation_by_nobody_ends_the_run() -> None:
    """The half that commits must not wait for ever for the half that reads."""
    stage, asked = stage_of(*days_of(4, 6)), 0

    async def cancelled_once(query: PageQuery, ask: Ask) -> Page:
        nonlocal asked
        asked += 1
        if asked > 4:
            raise asyncio.CancelledError
        return await ask(query)

    stage.play = cancelled_once
    with pytest.raises(RuntimeError, match="cancelled by nobody"):
        await asyncio.wait_for(stage.run(per_page=3), 30)


async def test_an_item_that_ends_in_a_cancellation_by_nobody_is_not_skipped() -> None:
    async def act(number: int) -> None:
        if number == 2:
            raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="cancelled by nobody"):
        await for_each(each_of(range(5)), act, 2)


async def test_a_part_that_is_cancelled_is_cancelled() -> None:
    task = asyncio.create_task(awaited(_after(1000, 0)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
