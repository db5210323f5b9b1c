"""Exceptions that a signal handler raises in the middle of a transfer: Airflow's execution_timeout, Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

import pycurl
import pytest
import uvloop
from aiohttp import web

from adapters.conftest import HashedStore, http_server
from dev.local.s3_server import S3Server
from stablecog_provider.adapters.image_http import HttpImages
from stablecog_provider.adapters.transport.download import Download
from stablecog_provider.adapters.transport.loop import CurlLoop

PIECE = b"x" * 65536


class TimedOut(BaseException):
    """Like Airflow's AirflowTaskTimeout, no Exception."""


@pytest.fixture
def alarm() -> Iterator[Callable[[], None]]:
    """Lets a signal handler raise TimedOut at the next instruction of Python."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise TimedOut

    before = signal.signal(signal.SIGALRM, handle)
    yield lambda: signal.raise_signal(signal.SIGALRM)
    signal.signal(signal.SIGALRM, before)


@asynccontextmanager
async def endless() -> AsyncIterator[str]:
    """A host whose images never end, and that answers no PUT; gives its address."""
    closing = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if request.method == "PUT":
            await closing.wait()
            return response
        await response.prepare(request)
        while not closing.is_set():
            await response.write(PIECE)
            await asyncio.sleep(0)
        return response

    async with http_server(answer) as address:
        try:
            yield address
        finally:
            closing.set()


async def read_for_ever(images: HttpImages, address: str) -> None:
    async with images.open(f"http://{address}/x") as body:
        async for _ in body.chunks():
            pass


@pytest.mark.parametrize("method", ["socket_action", "info_read"])
async def test_what_is_raised_while_libcurl_runs_comes_out_of_every_transfer(
    method: str, alarm: Callable[[], None]
) -> None:
    """The signal arrives while C runs, so that the next instruction of Python is the first of a callback of libcurl's."""
    async with endless() as address, HttpImages([address]) as images:
        readers = [asyncio.create_task(read_for_ever(images, address)) for _ in range(3)]
        await started(images, 3)
        interrupt(images, method, alarm)
        ended = await asyncio.wait_for(asyncio.gather(*readers, return_exceptions=True), 30)
        assert [type(error) for error in ended] == [TimedOut] * 3
        # What comes after works again.
        task = asyncio.create_task(read_for_ever(images, address))
        await started(images, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def fail_quietly(*_: object) -> None:
    """Instead of printing a traceback."""


async def started(images: HttpImages, count: int) -> None:
    """Wait until so many transfers run."""
    assert images._curl is not None
    while len(images._curl._running) < count:  # noqa: ASYNC110 (nothing tells when they start)
        await asyncio.sleep(0)


def interrupt(images: HttpImages, method: str, alarm: Callable[[], None]) -> None:
    """Let the signal arrive at the next call of a method of libcurl's multi handle."""
    curl = images._curl
    assert curl is not None
    inner = curl._multi

    class Multi:
        def __getattr__(self, name: str) -> object:
            if name == method:
                alarm()
            return getattr(inner, name)

    curl._multi = Multi()  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("raises", "raised"), [(TimedOut,) * 2, (KeyboardInterrupt,) * 2, (ValueError, (RuntimeError, pycurl.error))]
)
@pytest.mark.parametrize("callback", ["_write", "socket"])
async def test_an_exception_of_a_callback_is_not_swallowed(
    callback: str, raises: type[BaseException], raised: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pycurl passes on what is no Exception, and prints the others."""
    monkeypatch.setattr(sys, "excepthook", fail_quietly)

    def fail(*_: object) -> None:
        raise raises

    async def scene() -> None:
        async with endless() as address:
            if callback == "socket":
                monkeypatch.setattr(CurlLoop, "_watch", fail)
            async with HttpImages([address]) as images:
                if callback == "_write":
                    monkeypatch.setattr(Download, "_write", fail)
                await read_for_ever(images, address)

    with pytest.raises(raised):
        await asyncio.to_thread(asyncio.run, scene())
    monkeypatch.undo()


async def test_a_put_is_interrupted_too(alarm: Callable[[], None]) -> None:
    async with endless() as address:
        store = HashedStore("archive", session=S3Server("", "a", "b").session(), endpoint_url=f"http://{address}")
        task = asyncio.create_task(store.put("k", PIECE, content_type="image/jpeg"))
        assert store._direct is not None
        while not (store._direct._curl and store._direct._curl._running):  # noqa: ASYNC110 (nothing tells when it starts)
            await asyncio.sleep(0)
        try:
            alarm()
        except TimedOut as error:
            store._direct._curl._interrupt(error)
        with pytest.raises(TimedOut):
            await task
        store.close()


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_client_that_was_not_closed_is_freed_after_its_loop(
    factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def scene() -> HttpImages:
        async with endless() as address:
            images = await HttpImages([address]).__aenter__()
            async with images.open(f"http://{address}/x"):
                pass
            return images

    with asyncio.Runner(loop_factory=factory) as runner:
        images = runner.run(scene())
    del images
