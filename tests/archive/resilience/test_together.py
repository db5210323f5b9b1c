"""Several at once: results in order, or one error."""

from __future__ import annotations

import asyncio

import pytest

from stablecog_provider.archive.resilience.together import together
from stablecog_provider.errors import ArchiveDamaged, ConfigurationError, StoreUnavailable


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
