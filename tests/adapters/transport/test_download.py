"""Bodies are received no faster than they are taken, and a transfer that nobody takes any more is dropped."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from adapters.conftest import http_server
from adapters.test_image_http import read
from stablecog_provider.adapters.image_http import HttpImages, HttpTimeouts
from stablecog_provider.adapters.transport.download import AHEAD, Download
from stablecog_provider.errors import SourceUnavailable

PIECE = bytes(range(256)) * 256
PIECES = 400


@asynccontextmanager
async def host(sent: list[int], pieces: int = PIECES) -> AsyncIterator[str]:
    """Serves images of `pieces` pieces; `sent` gets the length of each piece when the socket has taken it."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(pieces * len(PIECE))})
        await response.prepare(request)
        for _ in range(pieces):
            await response.write(PIECE)
            sent.append(len(PIECE))
        return response

    async with http_server(answer) as address:
        yield address


def ahead_of(images: HttpImages) -> int:
    assert images._curl is not None
    (download,) = images._curl._running.values()
    assert isinstance(download, Download)
    return download._ahead


async def test_a_body_that_nobody_takes_stops_at_a_limit() -> None:
    sent: list[int] = []
    async with host(sent) as address, HttpImages([address]) as images, images.open(f"http://{address}/x") as body:
        before = -1
        while before != len(sent) or not sent:
            before = len(sent)
            for _ in range(200):
                await asyncio.sleep(0)
        # The rest is in the buffers of the two sockets.
        assert len(sent) < PIECES
        assert AHEAD <= ahead_of(images) <= AHEAD + len(PIECE)
        received = b"".join([chunk async for chunk in body.chunks()])
    assert received == PIECE * PIECES


async def test_a_body_that_is_taken_slowly_does_not_stall() -> None:
    """Between two pieces, the reader waits longer than the host may."""
    timeouts = HttpTimeouts(connect=5.0, read=0.05, total=60.0)
    async with host([], 20) as address, HttpImages([address], timeouts=timeouts) as images:
        received = bytearray()
        async with images.open(f"http://{address}/x") as body:
            async for chunk in body.chunks():
                if not received:
                    await asyncio.sleep(0.2)
                received += chunk
    assert received == PIECE * 20


async def test_the_total_time_of_an_image_is_limited() -> None:
    released = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000000"})
        await response.prepare(request)
        while not released.is_set():
            await response.write(b"x")
            await asyncio.sleep(0.005)
        return response

    timeouts = HttpTimeouts(connect=5.0, read=5.0, total=0.1)
    async with http_server(answer) as address, HttpImages([address], timeouts=timeouts) as images:
        with pytest.raises(SourceUnavailable, match="broke off: Timeout"):
            await read(images, f"http://{address}/x")
        released.set()


async def test_nothing_of_an_image_is_kept_once_it_was_read() -> None:
    kept: list[weakref.ref[Download]] = []
    async with host([], 1) as address, HttpImages([address]) as images:
        gc.disable()
        try:
            for _ in range(3):
                async with images.open(f"http://{address}/x") as body:
                    kept.append(weakref.ref(body.download))  # type: ignore[attr-defined]
                    assert b"".join([chunk async for chunk in body.chunks()]) == PIECE
                del body
            assert [each() for each in kept] == [None] * 3
        finally:
            gc.enable()


async def test_a_cancelled_request_leaves_nothing_running() -> None:
    released = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    async with http_server(answer) as address, HttpImages([address]) as images:

        async def ask() -> None:
            async with images.open(f"http://{address}/x"):
                pass

        task = asyncio.create_task(ask())
        while not (images._curl and images._curl._running):  # noqa: ASYNC110 (nothing tells when it starts)
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not images._curl._running
        released.set()
