"""One PUT whose body is in memory, and the response to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pycurl

from .loop import CurlLoop
from .response_head import ResponseHead

_LONGEST_ANSWER = 64 * 1024
"""Bytes that are kept of a response's body. An error of S3 has a few hundred."""


class Upload:
    """An exchange of a CurlLoop. `headers`: lines `Name: value`."""

    def __init__(self, curl: CurlLoop, handle: pycurl.Curl, body: bytes, headers: Sequence[str]) -> None:
        self.handle = handle
        self._curl = curl
        self._lines: list[bytes] = []
        self._answer = bytearray()
        self._done: asyncio.Future[None] = curl.loop.create_future()
        handle.setopt(pycurl.HEADERFUNCTION, self._lines.append)
        handle.setopt(pycurl.WRITEFUNCTION, self._write)
        # Not copied, and read without a callback.
        handle.setopt(pycurl.POSTFIELDS, body)
        handle.setopt(pycurl.CUSTOMREQUEST, "PUT")
        handle.setopt(pycurl.HTTPHEADER, list(headers))
        curl.start(self)

    async def answer(self) -> tuple[ResponseHead, str]:
        """Wait for the response, and return its head and its text. Raises CurlError, TooManyHeaders."""
        try:
            await self._done
        finally:
            self._curl.stop(self)
            # The handle must keep neither the body nor this object.
            self.handle.setopt(pycurl.POSTFIELDS, b"")
            self.handle.setopt(pycurl.WRITEFUNCTION, len)
            self.handle.setopt(pycurl.HEADERFUNCTION, len)
        return ResponseHead.of(self._lines), self._answer.decode("utf-8", "replace")

    def ended(self, failure: BaseException | None) -> None:
        if self._done.done():
            return
        if failure is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(failure)

    def check(self, now: float) -> None:
        """Has no limit but libcurl's: a store may think for long about a large object."""

    def _write(self, chunk: bytes) -> None:
        if len(self._answer) < _LONGEST_ANSWER:
            self._answer += chunk
