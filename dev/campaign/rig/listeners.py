"""Listeners for hostile input: a canary that records connections, a server of scripted responses, a lying resolver."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

HOST = "127.0.0.1"
Script = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
"""Receives the head of the request and writes the response. The connection closes when it returns."""


@asynccontextmanager
async def served(
    script: Script, tls: ssl.SSLContext | None = None, *, host: str = HOST, port: int = 0
) -> AsyncIterator[int]:
    """Run `script` as a server on this machine and yield its port. A client that disconnects ends its script."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await reader.readexactly(1)
            # A TLS client hello has no blank line to wait for. Such a client gets a response that is not TLS.
            rest = b"" if first == b"\x16" else await reader.readuntil(b"\r\n\r\n")
            await script((first + rest).decode("latin-1"), writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, host, port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Canary:
    """Listens on loopback at one port, on IPv4 and, if available, IPv6. `received`: the first bytes of each connection."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.port = 0
        self._servers: list[asyncio.Server] = []

    async def __aenter__(self) -> Canary:
        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.received.append(b"")
            place = len(self.received) - 1
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                self.received[place] = await reader.read(4096)
            writer.close()

        self._servers = [await asyncio.start_server(listen, HOST, 0)]
        self.port = self._servers[0].sockets[0].getsockname()[1]
        with contextlib.suppress(OSError):
            self._servers.append(await asyncio.start_server(listen, "::1", self.port, family=socket.AF_INET6))
        return self

    async def __aexit__(self, *_: object) -> None:
        # Also record connections that the kernel has already accepted.
        await asyncio.sleep(0)
        for server in self._servers:
            server.close()


class LyingResolver:
    """Resolves each known name to its answers in turn, repeating the last, always with `port`; other names to this machine.

    A client that trusts it connects to the canary. `own`: names of servers on this machine, each with its port.
    """

    def __init__(self, answers: Mapping[str, Sequence[str]], port: int, own: Mapping[str, int] | None = None) -> None:
        self._answers = {name: list(found) for name, found in answers.items()}
        self._port, self._own = port, own or {}

    def __call__(self, host: str, port: int) -> tuple[list[str], int]:
        if host == HOST:
            # An address, which nothing resolves.
            return [host], port
        if host in self._own:
            return [HOST], self._own[host]
        answers = self._answers.get(host, [HOST])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer.split(), self._port
