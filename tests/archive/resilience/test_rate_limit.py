"""One rate for all callers. Time is a value that only `sleep` moves."""

from __future__ import annotations

import asyncio

import pytest

from stablecog_provider.archive.resilience.rate_limit import FIRST_INTERVAL, LONGEST_INTERVAL, RateLimiter


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def limiter_of(interval: float = 0.0) -> tuple[RateLimiter, Time]:
    time = Time()
    return RateLimiter(interval, time.sleep, time), time


async def test_without_an_interval_nobody_waits() -> None:
    limiter, time = limiter_of()
    assert [await limiter.acquire() for _ in range(3)] == [100.0] * 3
    assert time.now == 100.0


async def test_requests_start_an_interval_apart() -> None:
    limiter, _ = limiter_of(0.5)
    assert await asyncio.gather(*(limiter.acquire() for _ in range(3))) == [100.0, 100.5, 101.0]


async def test_a_pause_applies_to_every_caller_and_to_those_already_waiting() -> None:
    limiter, _ = limiter_of(10.0)
    await limiter.acquire()
    waiting = asyncio.create_task(limiter.acquire())
    await asyncio.sleep(0)
    limiter.pause(60.0)
    assert await waiting == 170.0
    assert await limiter.acquire() == 180.0


async def test_after_a_refusal_requests_are_spaced() -> None:
    limiter, _ = limiter_of()
    limiter.throttled(await limiter.acquire(), 30.0)
    turns = await asyncio.gather(*(limiter.acquire() for _ in range(3)))
    assert turns == pytest.approx([130.0, 130.0 + FIRST_INTERVAL, 130.0 + 2 * FIRST_INTERVAL])


async def test_refusals_of_concurrent_requests_count_as_one() -> None:
    limiter, time = limiter_of()
    asked = [await limiter.acquire() for _ in range(8)]
    time.now += 1.0
    for at in asked:
        limiter.throttled(at, 0.0)
    assert limiter.interval == FIRST_INTERVAL


async def test_the_interval_grows_to_its_bound_and_shrinks_back_to_its_start() -> None:
    limiter, time = limiter_of(0.01)
    for _ in range(20):
        limiter.throttled(await limiter.acquire(), 0.0)
        time.now += 1.0
    assert limiter.interval == LONGEST_INTERVAL
    for _ in range(1000):
        limiter.succeeded()
    assert limiter.interval == 0.01


async def test_a_host_with_a_rate_limit_is_asked_at_its_rate() -> None:
    """Ten requests per second, and 32 clients with 20 requests each: no client is refused often in a row."""
    limiter, time = limiter_of()
    served: list[float] = []
    refusals = [0] * 32

    async def client(number: int) -> None:
        wanted = 20
        while wanted:
            at = await limiter.acquire()
            if sum(then > at - 1.0 for then in served[-10:]) >= 10:
                refusals[number] += 1
                limiter.throttled(at, 1.0)
            else:
                served.append(at)
                limiter.succeeded()
                wanted -= 1
            await asyncio.sleep(0)

    await asyncio.gather(*(client(number) for number in range(32)))
    assert len(served) == 640
    assert sum(refusals) < 64
    assert time.now - 100.0 < 4 * 64
