"""One GET: the head as soon as the body starts, then the body in pieces, received no faster than they are taken."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import pycurl

from .curl_errors import TIMED_OUT, CurlError
from .loop import CurlLoop
from .response_head import ResponseHead

AHEAD = 128 * 1024
"""Bytes that are received before anyone takes them. Beyond, libcurl stops reading, at most its own buffer later."""


class Download:
    """An exchange of a CurlLoop. `stalled_after`: seconds without a byte while somebody waits for one."""

    def __init__(self, curl: CurlLoop, handle: pycurl.Curl, stalled_after: float) -> None:
        self.handle = handle
        self._curl, self._stalled_after = curl, stalled_after
        self._lines: list[bytes] = []
        self._chunks: deque[bytes] = deque()
        self._ahead = self._received = self._seen = 0
        self._paused = self._has_ended = False
        self._failure: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._heard_at = curl.loop.time()
        handle.setopt(pycurl.HEADERFUNCTION, self._lines.append)
        handle.setopt(pycurl.WRITEFUNCTION, self._write)
        curl.start(self)

    async def head(self) -> ResponseHead:
        """Wait for the response to start. Raises CurlError, TooManyHeaders."""
        while not (self._chunks or self._has_ended):
            await self._wait()
        if not self._chunks:
            self._raise_failure()
        return ResponseHead.of(self._lines)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Iterate over the body. Raises CurlError."""
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self._ahead -= len(chunk)
                yield chunk
            if self._paused:
                self._paused = False
                self._curl.resume(self)
            elif self._has_ended:
                self._raise_failure()
                return
            else:
                await self._wait()

    def close(self) -> None:
        """Abort what has not ended, and drop what nobody has taken. The handle may be used again."""
        if not self._has_ended:
            self._curl.stop(self)
        self._chunks.clear()
        # The handle must not keep this object.
        self.handle.setopt(pycurl.WRITEFUNCTION, len)
        self.handle.setopt(pycurl.HEADERFUNCTION, len)

    def ended(self, failure: BaseException | None) -> None:
        self._has_ended, self._failure = True, failure
        self._wake()

    def check(self, now: float) -> None:
        if self._received != self._seen or self._paused or self._chunks:
            self._seen, self._heard_at = self._received, now
        elif now - self._heard_at >= self._stalled_after:
            self._curl.stop(self)
            self.ended(CurlError(TIMED_OUT, "no data in time"))

    def _write(self, chunk: bytes) -> int | None:
        if self._ahead >= AHEAD:
            self._paused = True
            return pycurl.WRITEFUNC_PAUSE
        self._chunks.append(chunk)
        self._ahead += len(chunk)
        self._received += len(chunk)
        self._wake()
        return None

    async def _wait(self) -> None:
        self._waiter = self._curl.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            try:
                raise failure
            finally:
                del failure
