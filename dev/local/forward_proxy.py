"""A forwarding proxy of our own: names exist only behind it, and it refuses or fails on request."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

HOST = "127.0.0.1"


@dataclass(slots=True)
class ForwardProxy:
    """`names`: per host name, the port on loopback that it leads to. `asked`: request lines, in order.

    `refuses`: the status line of every answer, or None. `drops`: it closes the connection instead of answering.
    `login`: user and password that a request must have.
    """

    names: Mapping[str, int]
    refuses: str | None = None
    drops: bool = False
    login: tuple[str, str] | None = None
    asked: list[str] = field(default_factory=list)
    port: int = 0
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def hosts(self) -> set[str]:
        """Return the names that were asked for, without ports."""
        targets = (line.split()[1].removeprefix("http://") for line in self.asked)
        return {target.partition("/")[0].partition(":")[0] for target in targets}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self._tasks.append(task)
        self._writers.append(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._answer(reader, writer)
        writer.close()

    async def close(self) -> None:
        """Close every connection, and wait until nothing is left of them."""
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*self._tasks)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, _, headers = head.decode("latin-1").partition("\r\n")
        self.asked.append(line)
        if self.drops:
            return
        refusal = self.refuses or self._login_missing(headers)
        if refusal:
            writer.write(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            return
        method, target, version = line.split()
        place = target if method == "CONNECT" else target.removeprefix("http://").partition("/")[0]
        upstream = await asyncio.open_connection(HOST, self.names[place.partition(":")[0]])
        self._writers.append(upstream[1])
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            path = target.removeprefix("http://").partition("/")[2]
            kept = [
                each
                for each in headers.split("\r\n")
                if each and not each.lower().startswith(("proxy-", "connection:"))
            ]
            request = "\r\n".join([f"{method} /{path} {version}", *kept, "Connection: close", "", ""])
            upstream[1].write(request.encode("latin-1"))
        await asyncio.gather(_pump(reader, upstream[1]), _pump(upstream[0], writer))

    def _login_missing(self, headers: str) -> str | None:
        if self.login is None:
            return None
        expected = base64.b64encode(":".join(self.login).encode()).decode()
        found = f"proxy-authorization: basic {expected.lower()}" in headers.lower() and expected in headers
        return None if found else "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic"


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def forward_proxy(
    names: Mapping[str, int], tls: ssl.SSLContext | None = None, **settings: object
) -> AsyncIterator[ForwardProxy]:
    proxy = ForwardProxy(names)
    for name, value in settings.items():
        setattr(proxy, name, value)
    server = await asyncio.start_server(proxy.serve, HOST, 0, ssl=tls)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
