"""Gateways in front of the API that refuse a request and repeat the secrets in it, each in another way."""

from __future__ import annotations

import asyncio
import html
import json
from urllib.parse import quote, quote_plus

from ..rig.listeners import Script

_SECRETS = ("x-gateway-key", "x-gateway-login", "authorization")


def _secrets_in(head: str) -> list[str]:
    lines = (line.partition(":") for line in head.split("\r\n"))
    return [value.strip() for name, _, value in lines if name.lower() in _SECRETS]


def _write(writer: asyncio.StreamWriter, status: str, body: str, *headers: str) -> None:
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", *headers, "", body)
    writer.write("\r\n".join(lines).encode())


async def _plain(head: str, writer: asyncio.StreamWriter) -> None:
    """400, as a JSON error."""
    _write(writer, "400 Bad", json.dumps({"error": f"refused: {_secrets_in(head)}"}))


async def _encoded(head: str, writer: asyncio.StreamWriter) -> None:
    """403, as text that was made for addresses, pages, forms, and JSON."""
    texts = [
        spelt
        for secret in _secrets_in(head)[:1]
        for spelt in (
            quote(secret, safe=""),
            quote_plus(secret).replace("%2F", "%2f"),
            html.escape(secret).replace("/", "&#x2F;"),
            json.dumps(secret).replace("/", "\\/"),
        )
    ]
    _write(writer, "403 Forbidden", " ".join(texts), "Content-Type: text/plain")


async def _cut(head: str, writer: asyncio.StreamWriter) -> None:
    """502, with a secret where the message's end is cut off: first by what is read of it, then by what is shown."""
    secret = _secrets_in(head)[0]
    _write(writer, "502 Bad", f"no{' ' * 1980}{secret} {'a' * 140} {secret}", "Content-Type: text/plain")


async def _in_headers(head: str, writer: asyncio.StreamWriter) -> None:
    """200, with the secrets in all headers that are read or logged."""
    text = " ".join(_secrets_in(head))
    _write(writer, "200 OK", "<html>", f"Content-Type: text/html; for={text}", f"Date: {text}", f"X-Request: {text}")


async def _redirect(head: str, writer: asyncio.StreamWriter) -> None:
    secret = _secrets_in(head)[0]
    _write(writer, "302 Found", f"see https://login.test/{secret}", f"Location: https://login.test/?key={secret}")


GATEWAYS: dict[str, Script] = {
    "repeats the headers": _plain,
    "encodes the headers": _encoded,
    "cuts off the headers": _cut,
    "answers in headers": _in_headers,
    "redirects with the headers": _redirect,
}
