"""A client that leaves long waits to its caller."""

from __future__ import annotations

import pytest

from stablecog_provider.adapters.settings import ATTEMPTS
from stablecog_provider.archive.resilience.retry import WaitElsewhere
from stablecog_provider.errors import RateLimited, SourceUnavailable
from stablecog_provider.model.page import PageQuery
from support.played_server import KEY, Server, api, page, refusal

LIMITED = refusal(429, headers={"Retry-After": "300"})
QUERY = PageQuery()


async def test_a_long_rate_limit_is_left_to_the_caller_and_a_short_one_is_not() -> None:
    server = Server(refusal(429, headers={"Retry-After": "2"}), LIMITED)
    async with api(server, waits_here=10.0) as source:
        with pytest.raises(WaitElsewhere) as caught:
            await source.page(QUERY)
    wait = caught.value
    assert (len(server.asked), wait.made, wait.left, wait.answered) == (2, 2, ATTEMPTS - 2, False)
    assert wait.seconds == 300.0
    assert 500.0 < wait.patience <= 600.0
    assert KEY not in str(wait)


async def test_a_rate_limit_longer_than_the_patience_is_an_error_as_ever() -> None:
    async with api(Server(refusal(429, headers={"Retry-After": "3600"})), waits_here=10.0) as source:
        with pytest.raises(RateLimited):
            await source.page(QUERY)


async def test_a_source_that_is_down_from_the_start_is_left_to_the_caller() -> None:
    async with api(Server(refusal(503)), waits_here=0.0) as source:
        with pytest.raises(WaitElsewhere) as caught:
            await source.page(QUERY)
    assert (caught.value.made, caught.value.answered) == (1, False)


async def test_after_an_answer_only_a_rate_limit_is() -> None:
    """One page of many may fail for good, and whoever reads it knows what to do then."""
    server = Server(page(), *[refusal(503)] * ATTEMPTS, LIMITED)
    async with api(server, waits_here=0.0) as source:
        await source.page(QUERY)
        with pytest.raises(SourceUnavailable):
            await source.page(QUERY)
        with pytest.raises(WaitElsewhere) as caught:
            await source.page(QUERY)
    assert caught.value.answered


async def test_by_default_all_waits_are_made_here() -> None:
    server = Server(LIMITED, page())
    async with api(server) as source:
        await source.page(QUERY)
    assert len(server.asked) == 2
