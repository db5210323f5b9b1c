"""The request for the list of models: one, without the key, and every answer is read or refused."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from stablecog_provider.adapters.api_errors import MODELS_PATH
from stablecog_provider.archive.naming.ports import Answer
from stablecog_provider.errors import ArchiveError, RateLimited, SourceContradiction, SourceUnavailable
from stablecog_provider.model.page import PageQuery
from support.played_server import ADDRESS, KEY, Server, api, page, refusal

LUNA = {"models": [{"id": "m1", "name": "Luna"}]}


async def models(server: Server, **settings: Any) -> Answer:
    async with api(server, **settings) as source:
        return await source.models()


async def test_the_key_is_not_sent_and_the_headers_of_a_gateway_are() -> None:
    server = Server(page(LUNA), page())
    async with api(server, headers=(("X-Gateway", "secret-of-gateway"),)) as source:
        await source.models()
        await source.page(PageQuery())
        assert source.requests == 2
    first, second = server.asked
    assert str(first.url) == ADDRESS + MODELS_PATH
    assert "Authorization" not in first.headers
    assert KEY not in str(first.headers.raw)
    assert first.headers["X-Gateway"] == "secret-of-gateway"
    assert second.headers["Authorization"] == f"Bearer {KEY}"


async def test_the_list_is_read_with_the_clock_of_the_source() -> None:
    found = await models(Server(page(LUNA, headers={"Date": "Sat, 21 Nov 2026 08:00:00 GMT"})))
    assert [(each.id, each.name) for each in found.listing.models] == [("m1", "Luna")]
    assert found.source_time == datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(500), SourceUnavailable),
        (refusal(401, json={"error": "Unauthorized"}), SourceUnavailable),
        (refusal(404), SourceUnavailable),
        (refusal(302, headers={"Location": "https://other.example/"}), SourceUnavailable),
        (refusal(200, content=b"<html>"), SourceUnavailable),
        (refusal(200, content=b'{"models": ' + b"[" * 100_000), SourceContradiction),
        (refusal(200, json={"outputs": []}), SourceContradiction),
        (
            refusal(200, content=gzip.compress(b" " * 30_000_000), headers={"Content-Encoding": "gzip"}),
            SourceContradiction,
        ),
        (httpx.ConnectError("no route"), SourceUnavailable),
        (httpx.ReadTimeout("slow"), SourceUnavailable),
    ],
)
async def test_a_failure_is_one_of_ours_and_is_not_repeated(answer: Any, kind: type[ArchiveError]) -> None:
    server = Server(answer)
    with pytest.raises(kind) as caught:
        await models(server)
    assert "API key" not in str(caught.value)
    assert len(server.asked) == 1


async def test_a_refusal_for_the_rate_slows_the_listing_down_too() -> None:
    server = Server(refusal(429, headers={"Retry-After": "5"}), page())
    async with api(server) as source:
        with pytest.raises(RateLimited):
            await source.models()
        await source.page(PageQuery())
    assert server.instants[1] - server.instants[0] >= 5


async def test_what_the_list_contains_cannot_reach_a_report_as_it_is() -> None:
    body = json.dumps({"models": [{"id": "m1", "name": f"\x1b[2J https://u:{KEY}@host/x"}]}).encode()
    (model,) = (await models(Server(refusal(200, content=body)))).listing.models
    assert model.name is not None
    assert KEY not in model.name
    assert model.name.isprintable()
