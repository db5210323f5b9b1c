"""HttpImages over real HTTP on loopback: bodies, statuses, redirects, and what it never sends to a host."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import pytest
from aiohttp import web

from adapters.conftest import http_server
from adapters.test_allowed_hosts import Names
from dev.local.s3_server import HOST
from dev.local.tiny_jpeg import tiny_jpeg
from stablecog_provider.adapters.image_http import HttpImages, HttpTimeouts
from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.archive.copying.transfer import CopyJob, Transfer
from stablecog_provider.archive.ports import ImageSource
from stablecog_provider.errors import (
    ArchiveError,
    ConfigurationError,
    ImageDenied,
    ImageGone,
    ImageRefused,
    ImageRejected,
    RateLimited,
    SourceUnavailable,
)
from stablecog_provider.model.object_keys import Layout, Rendition

BODY = tiny_jpeg(bytes(range(256)) * 800)
Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def host(handler: Answering, **settings: Any) -> AsyncIterator[tuple[HttpImages, str]]:
    """Serve `handler` on loopback; gives the images that may use it, and its address."""
    async with http_server(handler) as address, HttpImages([address], **settings) as images:
        yield images, f"http://{address}"


async def read(images: ImageSource, url: str) -> tuple[bytes, int | None]:
    async with images.open(url) as body:
        return b"".join([chunk async for chunk in body.chunks()]), body.declared_length


async def failure(handler: Answering, error: type[Exception], **settings: object) -> ArchiveError:
    async with host(handler, **settings) as (images, base):
        with pytest.raises(error) as raised:
            await read(images, f"{base}/i/x.jpeg?sig=geheim")
    assert isinstance(raised.value, ArchiveError)
    assert "geheim" not in str(raised.value)
    assert type(raised.value) is error
    return raised.value


def status(code: int, **headers: str) -> Answering:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=code, headers=headers)

    return answer


def redirect(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location})


async def test_a_body_is_unchanged_and_has_its_length() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=BODY)

    async with host(answer) as (images, base):
        assert await read(images, f"{base}/x.jpeg") == (BODY, len(BODY))


async def test_a_body_without_a_length() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(BODY)
        return response

    async with host(answer) as (images, base):
        assert await read(images, f"{base}/x.jpeg") == (BODY, None)


async def test_requests_carry_no_key_and_no_cookie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{HOST}:1")
    monkeypatch.setenv("STABLECOG_API_KEY", "sc-geheim")
    seen: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        response = web.Response(body=BODY)
        response.set_cookie("session", "1")
        return response

    async with http_server(answer) as address:
        # By name, since clients keep no cookies for IP addresses.
        name = address.replace(HOST, "images.test")
        async with HttpImages([name], resolver=Names(HOST)) as images:
            await read(images, f"http://{name}/x.jpeg")
            await read(images, f"http://{name}/x.jpeg")
    assert len(seen) == 2
    for headers in seen:
        assert set(headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}
        assert headers["Accept-Encoding"] == "identity"
        assert headers["User-Agent"].startswith("airflow-provider-stablecog/")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (204, ImageRejected), (206, ImageRejected), (400, ImageDenied), (401, ImageDenied), (403, ImageDenied),
        (404, ImageGone), (408, SourceUnavailable), (410, ImageGone), (425, SourceUnavailable), (429, RateLimited),
        (500, SourceUnavailable), (502, SourceUnavailable), (503, SourceUnavailable), (522, SourceUnavailable),
    ],
)  # fmt: skip
async def test_each_status(code: int, error: type[Exception]) -> None:
    raised = await failure(status(code), error)
    assert raised.message.startswith("http://127.0.0.1")
    assert f": the image host answered {code}" in raised.message
    assert raised.hint


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Sat, 21 Nov 2026 08:00:30 GMT", "Date": "Sat, 21 Nov 2026 08:00:00 GMT"}, 30.0),
        ({}, None),
    ],
)
async def test_retry_after(code: int, headers: dict[str, str], seconds: float | None) -> None:
    raised = await failure(status(code, **headers), RateLimited if code == 429 else SourceUnavailable)
    assert isinstance(raised, RateLimited | SourceUnavailable)
    assert raised.retry_after == seconds


async def test_a_body_that_breaks_off() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(BODY))})
        await response.prepare(request)
        await response.write(BODY[:1000])
        assert request.transport is not None
        request.transport.close()
        return response

    raised = await failure(answer, SourceUnavailable)
    assert "broke off" in raised.message


async def test_a_host_that_cannot_be_reached() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        address = f"{HOST}:{taken.getsockname()[1]}"
        async with HttpImages([address]) as images:
            with pytest.raises(SourceUnavailable, match=f"cannot fetch http://{address}/x: ") as raised:
                await read(images, f"http://{address}/x?sig=geheim")
    assert "geheim" not in str(raised.value)


@pytest.mark.parametrize("begins", [False, True])
async def test_a_host_that_hangs(begins: bool) -> None:
    released = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "10"})
        if begins:
            await response.prepare(request)
            await response.write(b"x")
        await released.wait()
        return response

    timeouts = HttpTimeouts(connect=5.0, read=0.05, total=10.0)
    async with http_server(answer) as address:
        async with HttpImages([address], timeouts=timeouts) as images:
            with pytest.raises(SourceUnavailable, match="Timeout"):
                await read(images, f"http://{address}/x")
        released.set()


async def test_redirects_are_followed_to_allowed_hosts() -> None:
    async def answer(request: web.Request) -> web.Response:
        number = int(request.path.strip("/"))
        return redirect(f"/{number + 1}") if number < 5 else web.Response(body=BODY)

    async with host(answer) as (images, base):
        assert (await read(images, f"{base}/0"))[0] == BODY


async def test_too_many_redirects() -> None:
    async def answer(request: web.Request) -> web.Response:
        return redirect("/again?sig=geheim")

    raised = await failure(answer, ImageRejected)
    assert "more than 5 redirects" in raised.message


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data?geheim",
        "https://evil.example/x?geheim",
        "http://b.stablecog.com/x?geheim",
        "//localhost:1/x",
        "file:///etc/passwd",
        "http://user:geheim@127.0.0.1:1/x",
        "http://[/x",
    ],
)
async def test_a_redirect_to_a_refused_address_is_not_followed(location: str) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return redirect(location)

    await failure(answer, ImageRefused)
    assert asked == ["/i/x.jpeg"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x",
        "https://evil.example/x",
        "https://",
        "http://[",
        "nonsense",
        "https://evil.example\\@b.stablecog.com/x",
    ],
)
async def test_no_request_is_sent_to_a_refused_address(url: str) -> None:
    async with HttpImages() as images:
        with pytest.raises(ImageRefused):
            await read(images, url)


async def test_a_name_of_the_service_that_resolves_to_a_private_address_is_refused_at_the_connection() -> None:
    async with HttpImages(resolver=Names("127.0.0.1")) as images:
        with pytest.raises(ImageRefused, match="not public"):
            await read(images, "https://b.stablecog.com/x.jpeg?sig=geheim")


def test_an_invalid_host_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError):
        HttpImages(["http://localhost"])


async def test_it_works_only_inside_async_with() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await read(HttpImages(), "https://b.stablecog.com/x")


async def test_a_transfer_over_real_http_survives_failures_of_the_host() -> None:
    asked = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked == 1:
            return web.Response(status=503, headers={"Retry-After": "0"})
        if asked == 2:
            response = web.StreamResponse(headers={"Content-Length": str(len(BODY))})
            await response.prepare(request)
            await response.write(BODY[:50_000])
            assert request.transport is not None
            request.transport.close()
            return response
        return web.Response(body=BODY)

    async def no_sleep(seconds: float) -> None:
        await asyncio.sleep(0)

    store = MemoryObjectStore()
    async with host(answer) as (images, base):
        transfer = Transfer(images, store, Layout("bucket"), sleep=no_sleep)
        job = CopyJob("out-1", Rendition.UPSCALED, date(2026, 11, 21), f"{base}/x.jpeg")
        copied = await transfer.copy(job)
    assert asked == 3
    key = f"images/dt=2026-11-21/out-1.upscaled.{hashlib.sha256(BODY).hexdigest()[:16]}.jpeg"
    assert copied.uri == f"s3://bucket/{key}"
    assert store.objects[key].body == BODY
