"""Responses of a proxy that is hostile, or a portal: to CONNECT, to a request in absolute form, and instead of TLS."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from stablecog_provider.adapters.network.network import Network

from ...local.authority import Authority
from ..rig.listeners import HOST, Canary, served
from ..rig.lying_service import run_spoiled
from .answers import KIB, MIB, Answer, head_of, problem_with, writing

IMAGES = "images.corp.test"
_PASSWORD = "secret-of-the-proxy"
_EMPTY = "Content-Length: 0"
_CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_JPEG = b"\xff\xd8\xff\xd9"
Made = Callable[[int], Iterable[bytes]]
"""Makes the response from the canary's port."""


def _to(canary: int, status: str = "302 Found", *more: str) -> list[bytes]:
    return [head_of(f"Location: http://{HOST}:{canary}/a.jpeg", _EMPTY, *more, status=status)]


_ASKED_TO_CONNECT: dict[str, Made] = {
    "CONNECT leads elsewhere": _to,
    "CONNECT leads elsewhere for good": lambda canary: _to(canary, "308 Permanent Redirect"),
    "CONNECT wants another proxy": lambda canary: _to(canary, "305 Use Proxy"),
    "CONNECT wants a login elsewhere": lambda canary: _to(
        canary, "407 Login", f'Proxy-Authenticate: Digest realm="x", nonce="y", domain="http://{HOST}:{canary}/"'
    ),
    "CONNECT wants a login of the host": lambda canary: _to(canary, "401 Login", 'WWW-Authenticate: Basic realm="x"'),
    "CONNECT is answered by an image": lambda _: [head_of("Content-Length: 4", kind="image/jpeg"), _JPEG],
    "CONNECT is followed by an image in plain": lambda _: [_CONNECTED, head_of("Content-Length: 4"), _JPEG],
    "CONNECT is followed by a redirect in plain": lambda canary: [_CONNECTED, *_to(canary)],
    "CONNECT is followed by an alert of TLS": lambda _: [_CONNECTED, b"\x15\x03\x03\x00\x02\x02\x28"],
    "CONNECT has headers without end": lambda _: chain([b"HTTP/1.1 200 OK\r\n"], repeat(b"X-A: aaaaaaaaaa\r\n" * KIB)),
    "CONNECT has interim answers without end": lambda _: repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * KIB, 10_000),
    "CONNECT has a header of a megabyte": lambda _: [head_of("X-A: " + "a" * MIB)],
    "CONNECT has a body without end": lambda _: chain([head_of(status="502 Bad")], repeat(b"a" * MIB)),
    "CONNECT switches protocols": lambda _: [head_of("Upgrade: h2c", status="101 Switching")],
    "CONNECT has a status of its own": lambda _: [head_of(_EMPTY, status="999 \x1b[2J")],
    "CONNECT is no HTTP": lambda _: [b"SSH-2.0-\x1b[2J\r\n" * 100],
    "CONNECT has no answer": lambda _: [],
}  # fmt: skip
_ASKED_FOR_IMAGES: dict[str, Made] = {
    "a portal": _to,
    "a portal over TLS": lambda canary: [head_of(f"Location: https://localhost:{canary}/login", _EMPTY, status="307 Moved")],
    "a portal that is a page": lambda _: [head_of("Content-Length: 6", kind="text/html"), b"<html>"],
    "a portal without a scheme": lambda canary: [head_of(f"Location: //{HOST}:{canary}/", _EMPTY, status="303 See")],
    "another proxy": lambda canary: _to(canary, "305 Use Proxy"),
    "a login elsewhere": lambda canary: _to(canary, "407 Login", 'Proxy-Authenticate: Basic realm="\x1b[2J"'),
    "an image without end": lambda _: chain([head_of(kind="image/jpeg")], [_JPEG[:3]], repeat(b"a" * MIB)),
    "headers without end": lambda _: chain([b"HTTP/1.1 200 OK\r\n"], repeat(b"X-A: aaaaaaaaaa\r\n" * KIB)),
}  # fmt: skip


def _through(scheme: str, made: Made, vouched: str = "") -> Callable[[], Awaitable[str]]:
    """Return a run over images of an allowed host through the proxy. `vouched`: the name in its certificate, if it has one."""

    async def run() -> str:
        with tempfile.TemporaryDirectory() as folder:
            async with Canary() as canary:
                wrong = await _run_through(scheme, made, vouched, Authority.create(Path(folder)), canary.port)
        return wrong or ("something connected to the canary" if canary.received else "")

    return run


async def _run_through(scheme: str, made: Made, vouched: str, authority: Authority, canary: int) -> str:
    asked: list[str] = []
    answer = writing(lambda _: made(canary))

    async def noted(head: str, writer: asyncio.StreamWriter) -> None:
        asked.append(head)
        await answer(head, writer)

    def spoil(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            output["image_url"] = f"{scheme}://{IMAGES}/{output['id']}"

    async with served(noted, authority.server(vouched) if vouched else None) as port:
        proxy = f"{'https' if vouched else 'http'}://user:{_PASSWORD}@{HOST}:{port}"
        environ = {"ALL_PROXY": proxy, "SSL_CERT_FILE": str(authority.file)}
        outcome = await run_spoiled(2, spoil, image_hosts=[IMAGES], network=Network.of(environ))
    messages = [str(outcome.error), *(row.error or "" for row in outcome.rows)]
    archived = [row for row in outcome.rows if row.state == "archived"]
    wrong = problem_with(outcome)
    if vouched not in ("", HOST) and asked:
        wrong = "a proxy with the certificate of another host was asked"
    elif vouched in ("", HOST) and not asked:
        wrong = "the proxy was not asked"
    elif any(_PASSWORD in message for message in messages):
        wrong = "a message reveals the proxy's password"
    return wrong or (f"{len(archived)} images were archived from it" if archived else "")


PROXY_ANSWERS: list[Answer] = [
    *(Answer(f"proxy: {name}", _through("https", made)) for name, made in _ASKED_TO_CONNECT.items()),
    *(Answer(f"proxy: {name}, over TLS", _through("https", made, HOST)) for name, made in _ASKED_TO_CONNECT.items()),
    *(Answer(f"proxy: {name}", _through("http", made)) for name, made in _ASKED_FOR_IMAGES.items()),
    *(
        Answer(f"proxy: {name}, by a proxy over TLS", _through("http", made, HOST))
        for name, made in _ASKED_FOR_IMAGES.items()
    ),
    Answer("proxy: a certificate of another host, CONNECT", _through("https", _to, "proxy.corp.test")),
    Answer("proxy: a certificate of another host, absolute form", _through("http", _to, "proxy.corp.test")),
]
