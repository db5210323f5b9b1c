"""Refusals by the API: their translation, their retries, and the rate limit."""

from __future__ import annotations

import asyncio

import pytest

from stablecog_provider.adapters.settings import ATTEMPTS
from stablecog_provider.errors import (
    ConfigurationError,
    CredentialsRejected,
    RateLimited,
    SourceContradiction,
    SourceUnavailable,
)
from stablecog_provider.model.page import Order, PageQuery
from support.played_server import Server, api, ask, failure, page, refusal


@pytest.mark.parametrize("status", [401, 403])
async def test_a_rejected_key_names_its_setting_and_is_not_retried(status: int) -> None:
    server = Server(refusal(status, json={"error": "Unauthorized"}))
    error = await failure(server)
    assert isinstance(error, CredentialsRejected)
    assert "Unauthorized" in str(error)
    assert "password of the connection" in str(error)
    assert "STABLECOG_API_KEY" in str(error)
    assert len(server.asked) == 1


async def test_a_bad_request_names_the_query_and_the_response() -> None:
    said = {"error": "per_page must be\n\x1b[31m 1 to 300 " + "x" * 1000, "description": "no"}
    error = await failure(Server(refusal(400, json=said)), PageQuery(per_page=301, order=Order.DESCENDING))
    assert isinstance(error, SourceContradiction)
    assert "order=desc, per_page=301" in str(error)
    assert "per_page must be [31m 1 to 300 xxx" in str(error)
    assert len(str(error)) < 500


@pytest.mark.parametrize("status", [404, 405, 410, 301, 304])
async def test_an_address_without_the_listing_is_a_wrong_setting(status: int) -> None:
    error = await failure(Server(refusal(status, content=b"<html>nothing here</html>")))
    assert isinstance(error, ConfigurationError)
    assert "html" not in str(error)


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 520])
async def test_a_temporary_failure_is_retried(status: int) -> None:
    server = Server(refusal(status), refusal(status), page())
    async with api(server) as source:
        await source.page(PageQuery())
        assert source.requests == 3


@pytest.mark.parametrize("status", [400, 402, 413, 414, 418, 422, 431, 451])
async def test_a_final_failure_is_not_retried(status: int) -> None:
    server = Server(refusal(status))
    assert isinstance(await failure(server), SourceContradiction)
    assert len(server.asked) == 1


async def test_retries_end() -> None:
    server = Server(refusal(500, json={"error": "Error getting generations"}))
    error = await failure(server)
    assert isinstance(error, SourceUnavailable)
    assert "Error getting generations" in str(error)
    assert len(server.asked) == ATTEMPTS
    assert all(1 <= seconds <= 31 for seconds in server.time.slept)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Sat, 21 Nov 2026 08:00:20 GMT", 20.0),
        ("Sat, 21 Nov 2026 07:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("86400", 86400.0),
        ("9" * 400, 999999999.0),
        ("", None),
    ],
)
async def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    headers = {"Retry-After": header, "Date": "Sat, 21 Nov 2026 08:00:00 GMT"}
    server = Server(refusal(429, text="Too many requests\n", headers=headers))
    error = await failure(server)
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds
    assert "Too many requests" in str(error)


@pytest.mark.parametrize("asked", [40, 500])
async def test_retry_after_is_honoured(asked: int) -> None:
    server = Server(refusal(429, headers={"Retry-After": str(asked)}), page())
    await ask(server)
    assert asked <= server.instants[1] - server.instants[0] <= asked + 1


async def test_a_retry_after_beyond_the_patience_is_left_to_a_later_run() -> None:
    server = Server(refusal(429, headers={"Retry-After": "86400"}), page())
    error = await failure(server)
    assert isinstance(error, RateLimited)
    assert (error.retry_after, len(server.asked)) == (86400.0, 1)


async def test_a_rate_limit_pauses_every_request_of_the_run() -> None:
    server = Server(refusal(429, headers={"Retry-After": "30"}), page())
    async with api(server) as source:
        await asyncio.gather(*(source.page(PageQuery()) for _ in range(5)))
    first, *others = server.instants
    # One request was already in flight when the refusal came.
    assert sum(instant - first < 30 for instant in others) <= 1


@pytest.mark.parametrize("rate", [8.0, 9.9, 1.0, 0.5])
async def test_no_second_sees_more_requests_than_allowed_not_even_the_first(rate: float) -> None:
    server = Server(page())
    async with api(server, requests_per_second=rate) as source:
        await asyncio.gather(*(source.page(PageQuery()) for _ in range(40)))
    instants = server.instants
    assert len(instants) == 40
    busiest = max(sum(start <= instant < start + 1 for instant in instants) for start in instants)
    assert busiest <= max(1, round(rate + 0.5))
    assert instants[-1] - instants[0] == pytest.approx(39 / rate)
