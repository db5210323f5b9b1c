"""A proxy between the archive and its store. It passes requests on unchanged, so that signatures stay valid, or fails on cue.

A signature covers the request as the client sent it, including `Host`. The proxy changes headers only to imitate a store that
ignores them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from ...local.children import started, wait_until
from ...local.s3_server import HOST, free_ports

_NO_LINGER = struct.pack("ii", 1, 0)
_ONE_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_MAX_BODY = 2**28


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to the store."""

    method: str
    key: str
    headers: dict[str, str]

    @property
    def writes(self) -> bool:
        return self.method == "PUT"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error in the format of S3."""

    status: int
    code: str
    message: str = "refused by the proxy"

    def response(self) -> web.Response:
        text = f"<?xml version='1.0'?><Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>"
        return web.Response(status=self.status, text=text, content_type="application/xml")


class Reset:
    """The connection is reset before the request reaches the store, or (`late`) after the store has executed it."""

    def __init__(self, *, late: bool) -> None:
        self.late = late


class Hang:
    """No response until the proxy closes."""


@dataclass(frozen=True, slots=True)
class Altered:
    """The store receives other headers (lower case; None removes one). Only for stores that do not check signatures."""

    headers: Mapping[str, str | None]


Verdict = Refusal | Reset | Hang | Altered | None
Plan = Callable[[Asked], Verdict]


@dataclass(slots=True)
class Proxy:
    """`plan` decides on every request and may be replaced at any time. `struck` counts interventions by kind."""

    upstream: str
    plan: Plan = lambda _: None
    struck: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request, session: aiohttp.ClientSession) -> web.StreamResponse:
        self.asked += 1
        headers = {name.lower(): value for name, value in request.headers.items()}
        verdict = self.plan(Asked(request.method, request.path.lstrip("/").partition("/")[2], headers))
        body = await request.read()
        if verdict is not None:
            self.struck[type(verdict).__name__] += 1
        if isinstance(verdict, Refusal):
            return verdict.response()
        if isinstance(verdict, Reset) and not verdict.late:
            return _reset(request)
        if isinstance(verdict, Hang):
            await self.closing.wait()
            return _reset(request)
        seen = {**headers, **(verdict.headers if isinstance(verdict, Altered) else {})}
        sent = {name: value for name, value in seen.items() if value is not None and name not in _ONE_HOP}
        url = URL(self.upstream + request.raw_path, encoded=True)
        async with session.request(request.method, url, headers=sent, data=body, allow_redirects=False) as answer:
            back = {name: value for name, value in answer.headers.items() if name.lower() not in _ONE_HOP}
            content = await answer.read()
            length = answer.headers.get("Content-Length")
        if isinstance(verdict, Reset):
            return _reset(request)
        if request.method == "HEAD" and length:
            return web.Response(status=answer.status, headers={**back, "Content-Length": length})
        return web.Response(status=answer.status, headers=back, body=content)


def _reset(request: web.Request) -> web.StreamResponse:
    if request.transport:
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        request.transport.abort()
    return web.StreamResponse()


@asynccontextmanager
async def proxied(upstream: str) -> AsyncIterator[tuple[Proxy, str]]:
    """Run a proxy in this event loop, and yield it with its address."""
    proxy = Proxy(upstream)
    skipped = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
    async with aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=skipped) as session:
        application = web.Application(client_max_size=_MAX_BODY)

        async def handle(request: web.Request) -> web.StreamResponse:
            return await proxy.answer(request, session)

        application.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, 0).start()
            yield proxy, f"http://{HOST}:{runner.addresses[0][1]}"
        finally:
            proxy.closing.set()
            await runner.cleanup()


HAPROXY = "haproxy"
_SLOW_DOWN = 'content-type application/xml string "<Error><Code>SlowDown</Code></Error>"'


def has_haproxy() -> bool:
    return shutil.which(HAPROXY) is not None


@contextlib.contextmanager
def haproxy(folder: Path, upstream: str, percent: int) -> Iterator[str]:
    """Run an independent proxy that answers `percent` of all writes with 503, and yield its address."""
    (port,) = free_ports(1)
    configuration = folder / "haproxy.cfg"
    configuration.write_text(
        f"""\
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend s3
  bind {HOST}:{port}
  http-request return status 503 {_SLOW_DOWN} if METH_PUT {{ rand(100) lt {percent} }}
  default_backend store
backend store
  server store {urlsplit(upstream).netloc}
"""
    )
    log = folder / "haproxy.log"
    with started([HAPROXY, "-db", "-f", str(configuration)], log, os.environ) as child:
        wait_until(HAPROXY, lambda: _listens(port), child, log, seconds=20.0)
        yield f"http://{HOST}:{port}"


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1.0):
        return True
    return False
