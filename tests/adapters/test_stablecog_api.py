"""The requests of the API client, and what it reads from the responses."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta

import pytest

from stablecog_provider.adapters.api_errors import PATH
from stablecog_provider.errors import SourceContradiction
from stablecog_provider.model.page import Order, PageQuery
from support.played_server import ADDRESS, KEY, Server, ask, failure, page, refusal


async def test_the_simplest_request_is_the_documented_one() -> None:
    server = Server(page())
    await ask(server)
    assert str(server.asked[0].url) == ADDRESS + PATH
    assert server.asked[0].method == "GET"
    assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"


async def test_parameters_are_spelled_as_the_api_reads_them() -> None:
    server = Server(page())
    start = datetime(2026, 11, 21, 8, 0, 0, 5, tzinfo=UTC)
    await ask(server, PageQuery(cursor=start, order=Order.ASCENDING, per_page=300, start=start, end=start))
    assert dict(server.asked[0].url.params) == {
        "cursor": "2026-11-21T08:00:00.000005Z",
        "order": "asc",
        "per_page": "300",
        "start_dt": "2026-11-21T08:00:00.000005Z",
        "end_dt": "2026-11-21T08:00:00.000005Z",
    }


async def test_an_opaque_cursor_is_sent_back_unchanged() -> None:
    server = Server(page())
    await ask(server, PageQuery(cursor="2023-05-26T15:00:00.1234567Z&x=+/"))
    assert server.asked[0].url.params["cursor"] == "2023-05-26T15:00:00.1234567Z&x=+/"


async def test_a_base_path_is_kept() -> None:
    server = Server(page())
    await ask(server, address="https://proxy.example/stablecog/")
    assert str(server.asked[0].url) == "https://proxy.example/stablecog" + PATH


async def test_a_page_is_read_with_the_clock_of_the_source() -> None:
    headers = {"Date": "Sat, 21 Nov 2026 08:00:00 GMT"}
    answer = await ask(Server(page({"outputs": [], "total_count": 7, "next": "n"}, headers=headers)))
    assert (answer.total, answer.next) == (7, "n")
    assert answer.source_time == datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.mark.parametrize("date", ["", "yesterday", "Sat, 21 Nov 1926 08:00:00 GMT", "Sat, 99 Nov 2026 08:00:00 GMT"])
async def test_without_a_usable_date_our_clock_is_used(date: str) -> None:
    before = datetime.now(UTC)
    answer = await ask(Server(page(headers={"Date": date})))
    assert before <= answer.source_time <= datetime.now(UTC) + timedelta(seconds=1)


async def test_a_number_that_is_not_json_does_not_cost_the_page() -> None:
    body = b'{"outputs": [{"id": "a", "like_count": NaN}], "total": 1}'
    assert (await ask(Server(refusal(200, content=body)))).total == 1


@pytest.mark.parametrize(
    "body",
    [b"<html>Bad gateway</html>", b"", b'{"outputs": [', b"\xff\xfe", b'{"outputs": ' + b"9" * 5000 + b"}"],
    ids=["html", "empty", "cut", "no text", "number without end"],
)
async def test_a_body_that_is_not_json_is_temporary(body: bytes) -> None:
    server = Server(refusal(200, content=body), page())
    assert (await ask(server)).outputs == ()
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "body",
    [
        b'{"outputs": ' + b"[" * 100_000,
        b'["outputs"]',
        b'{"outputs": "many"}',
    ],
    ids=["too deep", "no object", "no list"],
)
async def test_json_that_is_not_a_page_is_a_contradiction(body: bytes) -> None:
    server = Server(refusal(200, content=body))
    assert isinstance(await failure(server), SourceContradiction)
    assert len(server.asked) == 1


async def test_a_body_is_measured_after_decompression() -> None:
    bomb = gzip.compress(b" " * 5_000_000)
    assert len(bomb) < 10_000
    server = Server(refusal(200, content=bomb, headers={"Content-Encoding": "gzip"}))
    error = await failure(server, max_body=1_000_000)
    assert isinstance(error, SourceContradiction)
    assert "1000000 bytes" in str(error)


async def test_a_garbled_encoding_is_temporary() -> None:
    server = Server(refusal(200, content=b"no gzip", headers={"Content-Encoding": "gzip"}), page())
    await ask(server)
    assert len(server.asked) == 2
