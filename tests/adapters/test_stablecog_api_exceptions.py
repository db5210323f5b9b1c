"""Every exception of the HTTP library is translated, and servers that hang or break off time out."""

from __future__ import annotations

import asyncio
import inspect
import json

import httpx
import pytest

from stablecog_provider.adapters.api_errors import of_exception
from stablecog_provider.adapters.settings import ATTEMPTS
from stablecog_provider.adapters.stablecog_api import StablecogApi
from stablecog_provider.errors import SourceUnavailable, TransientError
from stablecog_provider.model.page import PageQuery
from support.played_server import ADDRESS, EMPTY, KEY, Server, Time, failure


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


def hide(text: str) -> str:
    return text.replace(KEY, "***")


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


def test_every_exception_of_the_library_has_a_translation() -> None:
    kinds = exceptions_of_httpx()
    assert len(kinds) > 20
    for kind in kinds:
        error = of_exception(one(kind), ADDRESS, hide)
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


async def test_a_server_that_hangs_times_out() -> None:
    time = Time()
    async with StablecogApi(ADDRESS, KEY, timeout=0.01, transport=Stuck(), sleep=time.sleep, monotonic=time) as source:
        with pytest.raises(SourceUnavailable, match="did not answer in time"):
            await source.page(PageQuery())
        assert source.requests == ATTEMPTS


async def test_a_body_cut_on_the_wire_is_temporary() -> None:
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
