"""The client of the API against a callable that plays the server: no socket, no patch, no waiting."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from stablecog_provider.adapters.stablecog_api import ATTEMPTS, PATH, StablecogApi, _of_exception
from stablecog_provider.errors import (
    ArchiveError,
    ConfigurationError,
    CredentialsRejected,
    RateLimited,
    SourceContradiction,
    SourceUnavailable,
    TransientError,
)
from stablecog_provider.model.page import Order, PageQuery

KEY = "sc-" + "c0ffee42" * 8
ADDRESS = "https://api.stablecog.com"
EMPTY: dict[str, Any] = {"outputs": []}
Answer = httpx.Response | Exception


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Server:
    """Gives the answers in turn, the last one for ever, and remembers what it was asked and when."""

    def __init__(self, *answers: Answer | Callable[[], Answer], time: Time | None = None) -> None:
        self.answers = list(answers)
        self.time = time or Time()
        self.asked: list[httpx.Request] = []
        self.instants: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.instants.append(self.time.now)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        answer = answer() if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer


def api(server: Server, **settings: Any) -> StablecogApi:
    return StablecogApi(
        settings.pop("address", ADDRESS),
        settings.pop("api_key", KEY),
        transport=httpx.MockTransport(server),
        sleep=server.time.sleep,
        monotonic=server.time,
        **settings,
    )


def page(document: Any = EMPTY, **settings: Any) -> Callable[[], httpx.Response]:
    return lambda: httpx.Response(200, json=document, **settings)


def refusal(status: int, **settings: Any) -> Callable[[], httpx.Response]:
    return lambda: httpx.Response(status, **settings)


async def ask(server: Server, query: PageQuery = PageQuery(), **settings: Any) -> Any:  # noqa: B008 a frozen value
    async with api(server, **settings) as source:
        return await source.page(query)


async def failure(server: Server, query: PageQuery = PageQuery(), **settings: Any) -> ArchiveError:  # noqa: B008
    with pytest.raises(ArchiveError) as caught:
        await ask(server, query, **settings)
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return caught.value


# --- what is asked ---------------------------------------------------------------------------------------------------


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


async def test_an_opaque_cursor_goes_back_as_it_came() -> None:
    server = Server(page())
    await ask(server, PageQuery(cursor="2023-05-26T15:00:00.1234567Z&x=+/"))
    assert server.asked[0].url.params["cursor"] == "2023-05-26T15:00:00.1234567Z&x=+/"


async def test_a_base_path_is_kept() -> None:
    server = Server(page())
    await ask(server, address="https://proxy.example/stablecog/")
    assert str(server.asked[0].url) == "https://proxy.example/stablecog" + PATH


# --- the address and the key -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "spelled"),
    [
        ("https://API.Stablecog.com/", "https://api.stablecog.com"),
        ("api.stablecog.com", "https://api.stablecog.com"),
        ("https://api.stablecog.com:443", "https://api.stablecog.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://simulator:8080", "http://simulator:8080"),
    ],
)
def test_an_address_has_one_spelling(address: str, spelled: str) -> None:
    assert api(Server(page()), address=address, plain_http_hosts=["Simulator:8080"]).address == spelled


@pytest.mark.parametrize(
    "address",
    [
        "",
        "   ",
        "https://",
        "ftp://api.stablecog.com",
        "http://api.stablecog.com",
        "http://127.0.0.1.evil.example",
        "http://simulator:8081",
        f"https://{KEY}@api.stablecog.com",
        f"https://api.stablecog.com?key={KEY}",
        "https://api.stablecog.com#x",
        "https://api.stablecog.com:port",
        "https://api.stablecog.com\nHost: evil",
    ],
)
def test_an_address_that_could_betray_the_key_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        api(Server(page()), address=address, plain_http_hosts=["simulator:8080"])
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", ["", " ", f"{KEY}\n", f"{KEY}\r\nX: y", "clé", f"Bearer {KEY}"])
def test_a_key_that_fits_no_header_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigurationError, match="STABLECOG_API_KEY") as caught:
        api(Server(page()), api_key=key)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("rate", [0, -1, 10, float("nan"), float("inf")])
def test_a_rate_at_or_above_the_limit_of_the_service_is_refused(rate: float) -> None:
    with pytest.raises(ConfigurationError, match="requests a second"):
        api(Server(page()), requests_per_second=rate)


async def test_a_redirect_is_not_followed() -> None:
    server = Server(refusal(302, headers={"Location": "https://evil.example/"}))
    assert isinstance(await failure(server), ConfigurationError)
    assert [request.url.host for request in server.asked] == ["api.stablecog.com"]


async def test_the_key_is_nowhere_but_in_its_header(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = Server(refusal(500, json={"error": f"bad header Bearer {KEY}"}))
    async with api(server) as source:
        with pytest.raises(SourceUnavailable) as caught:
            await source.page(PageQuery())
        shown = [repr(source), str(source), str(caught.value), caplog.text, *map(str, (r.url for r in server.asked))]
    assert "500" in caplog.text
    assert not [text for text in shown if KEY in text]


# --- what is answered ------------------------------------------------------------------------------------------------


async def test_a_page_is_read_with_the_clock_of_the_source() -> None:
    headers = {"Date": "Sat, 21 Nov 2026 08:00:00 GMT"}
    answer = await ask(Server(page({"outputs": [], "total_count": 7, "next": "n"}, headers=headers)))
    assert (answer.total, answer.next) == (7, "n")
    assert answer.source_time == datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.mark.parametrize("date", ["", "yesterday", "Sat, 21 Nov 1926 08:00:00 GMT", "Sat, 99 Nov 2026 08:00:00 GMT"])
async def test_without_a_usable_date_our_clock_stands_in(date: str) -> None:
    before = datetime.now(UTC)
    answer = await ask(Server(page(headers={"Date": date})))
    assert before <= answer.source_time <= datetime.now(UTC) + timedelta(seconds=1)


async def test_a_number_that_is_no_json_costs_no_page() -> None:
    body = b'{"outputs": [{"id": "a", "like_count": NaN}], "total": 1}'
    assert (await ask(Server(refusal(200, content=body)))).total == 1


@pytest.mark.parametrize(
    "body",
    [b"<html>Bad gateway</html>", b"", b'{"outputs": [', b"\xff\xfe", b'{"outputs": ' + b"9" * 5000 + b"}"],
    ids=["html", "empty", "cut", "no text", "number without end"],
)
async def test_a_body_that_is_no_json_may_pass(body: bytes) -> None:
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
async def test_json_that_is_no_page_is_a_contradiction(body: bytes) -> None:
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


async def test_a_garbled_encoding_may_pass() -> None:
    server = Server(refusal(200, content=b"no gzip", headers={"Content-Encoding": "gzip"}), page())
    await ask(server)
    assert len(server.asked) == 2


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
async def test_a_rejected_key_names_its_place_and_is_not_tried_again(status: int) -> None:
    server = Server(refusal(status, json={"error": "Unauthorized"}))
    error = await failure(server)
    assert isinstance(error, CredentialsRejected)
    assert "Unauthorized" in str(error)
    assert "password of the connection" in str(error)
    assert "STABLECOG_API_KEY" in str(error)
    assert len(server.asked) == 1


async def test_a_bad_request_names_what_was_asked_and_what_was_said() -> None:
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
async def test_what_may_pass_is_tried_again(status: int) -> None:
    server = Server(refusal(status), refusal(status), page())
    async with api(server) as source:
        await source.page(PageQuery())
        assert source.requests == 3


@pytest.mark.parametrize("status", [400, 402, 413, 414, 418, 422, 431, 451])
async def test_what_will_not_pass_is_not_tried_again(status: int) -> None:
    server = Server(refusal(status))
    assert isinstance(await failure(server), SourceContradiction)
    assert len(server.asked) == 1


async def test_patience_has_an_end() -> None:
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


async def test_a_retry_after_beyond_our_patience_is_left_to_a_later_run() -> None:
    server = Server(refusal(429, headers={"Retry-After": "86400"}), page())
    error = await failure(server)
    assert isinstance(error, RateLimited)
    assert (error.retry_after, len(server.asked)) == (86400.0, 1)


async def test_a_limit_holds_every_request_of_the_run() -> None:
    server = Server(refusal(429, headers={"Retry-After": "30"}), page())
    async with api(server) as source:
        await asyncio.gather(*(source.page(PageQuery()) for _ in range(5)))
    first, *others = server.instants
    # One was on its way already when the refusal came.
    assert sum(instant - first < 30 for instant in others) <= 1


# --- the rate budget -------------------------------------------------------------------------------------------------


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


# --- every exception of the HTTP library -----------------------------------------------------------------------------


def exceptions_of_httpx() -> list[type[Exception]]:
    return [
        kind
        for _, kind in inspect.getmembers(httpx, inspect.isclass)
        if issubclass(kind, Exception) and kind is not httpx.CookieConflict
    ]


def one(kind: type[Exception]) -> Exception:
    request = httpx.Request("GET", ADDRESS)
    if kind is httpx.HTTPStatusError:
        return httpx.HTTPStatusError(KEY, request=request, response=httpx.Response(500, request=request))
    if kind in (httpx.StreamConsumed, httpx.StreamClosed, httpx.ResponseNotRead, httpx.RequestNotRead):
        return kind()
    return kind(f"failed with {KEY}")


TRANSIENT = {
    httpx.TransportError,
    httpx.TimeoutException,
    httpx.ConnectTimeout,
    httpx.ReadTimeout,
    httpx.WriteTimeout,
    httpx.PoolTimeout,
    httpx.NetworkError,
    httpx.ConnectError,
    httpx.ReadError,
    httpx.WriteError,
    httpx.CloseError,
    httpx.ProtocolError,
    httpx.RemoteProtocolError,
    httpx.ProxyError,
    httpx.DecodingError,
}


def test_every_exception_of_the_library_has_a_meaning() -> None:
    kinds = exceptions_of_httpx()
    assert len(kinds) > 20
    for kind in kinds:
        error = _of_exception(one(kind), ADDRESS, KEY)
        assert isinstance(error, TransientError) == (kind in TRANSIENT), kind
        assert KEY not in str(error)


@pytest.mark.parametrize("kind", exceptions_of_httpx(), ids=lambda kind: kind.__name__)
async def test_no_exception_of_the_library_comes_through(kind: type[Exception]) -> None:
    server = Server(lambda: one(kind))
    error = await failure(server)
    assert (len(server.asked) == ATTEMPTS) == (kind in TRANSIENT)
    assert isinstance(error, TransientError) == (kind in TRANSIENT)


class Stuck(httpx.AsyncBaseTransport):
    """Never answers."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


async def test_a_server_that_hangs_is_given_up() -> None:
    time = Time()
    async with StablecogApi(ADDRESS, KEY, timeout=0.01, transport=Stuck(), sleep=time.sleep, monotonic=time) as source:
        with pytest.raises(SourceUnavailable, match="did not answer in time"):
            await source.page(PageQuery())
        assert source.requests == ATTEMPTS


async def test_a_body_cut_on_the_wire_may_pass() -> None:
    body = json.dumps(EMPTY).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        length = len(body) if served else len(body) + 10
        served.append(length)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % length + body)
        await writer.drain()
        writer.close()

    served: list[int] = []
    time = Time()
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with StablecogApi(f"http://127.0.0.1:{port}", KEY, sleep=time.sleep, monotonic=time) as source:
            assert (await source.page(PageQuery())).outputs == ()
    assert len(served) == 2
