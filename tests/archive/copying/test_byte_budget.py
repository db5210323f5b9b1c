"""The byte budget is fair, and every reservation is released."""

from __future__ import annotations

import asyncio

import pytest

from stablecog_provider.archive.copying.byte_budget import ByteBudget

DEADLOCK_SECONDS = 20.0
"""Reached only if a test fails."""


async def test_a_large_image_is_not_starved_by_small_ones() -> None:
    budget = ByteBudget(100)
    order: list[int] = []

    async def hold(amount: int) -> None:
        async with budget.reserved(amount):
            order.append(amount)
            await asyncio.sleep(0)

    async with asyncio.timeout(DEADLOCK_SECONDS):
        await asyncio.gather(*(hold(amount) for amount in (60, 90, 10, 10, 10)))
    assert order == [60, 90, 10, 10, 10]


@pytest.mark.parametrize("failure", [RuntimeError, asyncio.CancelledError])
async def test_a_reservation_is_released_however_its_holder_ends(failure: type[BaseException]) -> None:
    budget = ByteBudget(100)

    async def fail() -> None:
        async with budget.reserved(70):
            assert budget.available == 30
            raise failure

    with pytest.raises(failure):
        await fail()
    assert budget.available == 100


async def test_a_cancelled_waiter_holds_nothing_and_blocks_nobody() -> None:
    budget = ByteBudget(100)
    async with budget.reserved(80):
        waiting = asyncio.create_task(budget.reserved(50).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(DEADLOCK_SECONDS), budget.reserved(20):
            assert budget.available == 0
    assert budget.available == 100
