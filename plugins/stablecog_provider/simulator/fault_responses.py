"""Sends spoiled responses."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Mapping

from aiohttp import web

from .faults import SLOW_SECONDS, Fault, Manner

_NO_LINGER = struct.pack("ii", 1, 0)


def failure(fault: Fault, errors: Mapping[int, str]) -> web.Response:
    """Return an error status. `errors`: texts that the service itself sends as JSON, by status."""
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    if fault.status in errors:
        return web.json_response({"error": errors[fault.status]}, status=fault.status, headers=headers)
    # Layers in front of the service (rate limit, load balancer) send plain text.
    return web.Response(status=fault.status, text=f"{fault.status}\n", headers=headers)


async def spoiled(
    request: web.Request, fault: Fault, body: bytes, content_type: str, stopping: asyncio.Event
) -> web.StreamResponse:
    """Send the response `body`, spoiled by the fault."""
    half = body[: len(body) // 2]
    match fault.manner:
        case Manner.SLOW:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), SLOW_SECONDS)
            return web.Response(body=body, content_type=content_type)
        case Manner.SHORT:
            return web.Response(body=half, content_type=content_type)
        case Manner.GARBLED:
            return web.Response(body=b"<html><body>Please stand by</body></html>", content_type=content_type)
        case Manner.MISTYPED:
            return web.Response(body=body, content_type="text/html")
        case Manner.EMPTIED:
            return web.Response(body=_emptied(body, content_type), content_type=content_type)
        case Manner.LOOPED if content_type == "application/json":
            return web.Response(body=_looped(body, request.query.get("cursor")), content_type=content_type)
        case Manner.LOOPED:
            return web.Response(status=302, headers={"Location": request.path})
        case Manner.ENDED | Manner.LONG:
            return _by_hand(request, fault, body, content_type)
    return await _broken_off(request, fault, body, content_type, stopping)


async def _broken_off(
    request: web.Request, fault: Fault, body: bytes, content_type: str, stopping: asyncio.Event
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type})
    if fault.manner is not Manner.CUT:
        response.content_length = len(body)
    if fault.manner in (Manner.TRUNCATED, Manner.RESET, Manner.CUT):
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
    elif fault.manner is Manner.STALLED:
        await stopping.wait()
    if request.transport and fault.manner is Manner.RESET:
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        request.transport.abort()
    elif request.transport:
        request.transport.close()
    return response


def _by_hand(request: web.Request, fault: Fault, body: bytes, content_type: str) -> web.StreamResponse:
    """Send a response whose length no HTTP library would send."""
    half = len(body) // 2
    lines = [b"HTTP/1.1 200 OK", b"Content-Type: " + content_type.encode()]
    if fault.manner is Manner.LONG:
        lines.append(b"Content-Length: " + str(half).encode())
    else:
        lines.append(b"Connection: close")
        body = body[:half]
    if request.transport:
        request.transport.write(b"\r\n".join([*lines, b"", b""]) + body)
        request.transport.close()
    return web.StreamResponse()


def _emptied(body: bytes, content_type: str) -> bytes:
    if content_type != "application/json":
        return b""
    page = json.loads(body)
    return json.dumps({"next": "2026-11-01T00:00:00Z", **page, "outputs": []}).encode()


def _looped(body: bytes, cursor: str | None) -> bytes:
    page = json.loads(body)
    return json.dumps({**page, "next": cursor or page.get("next")}).encode()
