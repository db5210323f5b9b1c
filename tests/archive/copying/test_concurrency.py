"""The number of concurrent images: it adapts to what a host can take, and to its refusals."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.archive.copying.concurrency import INITIAL_LIMIT, MIN_LIMIT, NOTICEABLE, AdaptiveConcurrency


class Host:
    """A host that answers up to `capacity` concurrent requests after `base` seconds, and more of them proportionally later.
    It refuses more than `most`.
    """

    def __init__(self, base: float = 0.05, capacity: int = 10_000, most: int = 10_000) -> None:
        self.base, self.capacity, self.most = base, capacity, most

    def ask(self, concurrency: AdaptiveConcurrency, at_once: int) -> None:
        if at_once > self.most:
            concurrency.refused()
        else:
            concurrency.answered(self.base * max(1.0, at_once / self.capacity))


async def rounds(concurrency: AdaptiveConcurrency, host: Host, count: int) -> list[int]:
    """The limit after each of `count` rounds in which all slots were filled, answered and released."""
    seen = []
    for _ in range(count):
        taken = concurrency.limit
        for _ in range(taken):
            await concurrency.__aenter__()
        for _ in range(taken):
            host.ask(concurrency, taken)
            await concurrency.__aexit__()
        seen.append(concurrency.limit)
    return seen


async def test_a_host_that_takes_everything_is_asked_up_to_the_ceiling() -> None:
    concurrency = AdaptiveConcurrency(64)
    assert await rounds(concurrency, Host(), 3) == [2 * INITIAL_LIMIT, 64, 64]


async def test_a_host_that_refuses_is_asked_about_as_much_as_it_takes() -> None:
    concurrency = AdaptiveConcurrency(64)
    seen = (await rounds(concurrency, Host(most=20), 200))[10:]
    assert max(seen) <= 21
    assert min(seen) >= 10
    assert sum(seen) / len(seen) > 14


async def test_a_host_with_a_queue_is_asked_for_less() -> None:
    concurrency = AdaptiveConcurrency(512)
    seen = (await rounds(concurrency, Host(base=0.5, capacity=40), 300))[50:]
    assert min(seen) >= 40
    assert max(seen) <= 110


async def test_a_short_wait_is_not_taken_for_a_queue() -> None:
    concurrency = AdaptiveConcurrency(64)
    await rounds(concurrency, Host(base=NOTICEABLE / 100, capacity=1), 20)
    assert concurrency.limit == 64


async def test_concurrent_refusals_count_as_one() -> None:
    concurrency = AdaptiveConcurrency(64, start=32)
    for _ in range(32):
        await concurrency.__aenter__()
    for _ in range(32):
        concurrency.refused()
        await concurrency.__aexit__()
    assert concurrency.limit == 16


async def test_an_image_that_always_fails_does_not_slow_the_others() -> None:
    concurrency = AdaptiveConcurrency(64)
    for _ in range(30):
        for _ in range(64):
            concurrency.answered(0.05)
        concurrency.failed()
    assert concurrency.limit == INITIAL_LIMIT


async def test_a_host_that_often_fails_is_asked_for_less() -> None:
    concurrency = AdaptiveConcurrency(64)
    for _ in range(20):
        concurrency.failed()
    assert concurrency.limit == MIN_LIMIT


async def test_slots_that_nobody_needs_do_not_grow() -> None:
    concurrency = AdaptiveConcurrency(64)
    for _ in range(1000):
        async with concurrency:
            concurrency.answered(0.05)
    assert concurrency.limit == INITIAL_LIMIT


async def test_a_host_that_becomes_farther_away_is_recognised() -> None:
    concurrency = AdaptiveConcurrency(64)
    await rounds(concurrency, Host(base=0.1), 5)
    await rounds(concurrency, Host(base=2.0), 400)
    assert concurrency.limit == 64


@pytest.mark.parametrize("ceiling", [1, 2, MIN_LIMIT, INITIAL_LIMIT, 64])
async def test_the_limit_never_leaves_its_bounds(ceiling: int) -> None:
    concurrency = AdaptiveConcurrency(ceiling)
    seen = await rounds(concurrency, Host(most=5), 30) + await rounds(concurrency, Host(base=9, capacity=1), 30)
    assert min(ceiling, MIN_LIMIT) <= min(seen)
    assert max(seen) <= ceiling


@given(
    st.integers(1, 40), st.lists(st.sampled_from(["take", "leave", "answer", "refuse", "fail", "slow"]), max_size=300)
)
def test_no_slot_is_ever_lost_or_doubled(ceiling: int, steps: list[str]) -> None:
    async def play() -> None:
        concurrency = AdaptiveConcurrency(ceiling, floor=2, start=8)
        taken = 0
        for step in steps:
            if step == "take" and taken < concurrency.limit:
                await asyncio.wait_for(concurrency.__aenter__(), 5)
                taken += 1
            elif step == "leave" and taken:
                await concurrency.__aexit__()
                taken -= 1
            elif step in ("answer", "slow"):
                concurrency.answered(0.01 if step == "answer" else 5.0)
            elif step == "refuse":
                concurrency.refused()
            elif step == "fail":
                concurrency.failed()
            assert concurrency.in_use == taken
            assert 1 <= concurrency.limit <= ceiling
        while taken:
            await concurrency.__aexit__()
            taken -= 1
        for _ in range(concurrency.limit):
            await asyncio.wait_for(concurrency.__aenter__(), 5)
        one_more = asyncio.ensure_future(concurrency.__aenter__())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not one_more.done()
        one_more.cancel()

    asyncio.run(play())
