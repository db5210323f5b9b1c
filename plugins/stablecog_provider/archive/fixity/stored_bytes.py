"""Reads stored objects and hashes them: many at once, in pieces, within a bound on memory."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ...errors import StoreUnavailable
from ..copying.byte_budget import ByteBudget
from ..copying.concurrency import DEFAULT_CONCURRENCY, AdaptiveConcurrency
from ..ports import ObjectBody, StoredObjects
from ..resilience.retry import STORE_RETRIES, RetryPolicy, Sleep

PIECE = 1024 * 1024
"""Bytes of an object that are in memory at a time, about."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of an object. `sha256`: hexadecimal; None if only its size is known. `version`: its ETag."""

    size: int
    sha256: str | None = None
    version: str = ""


class StoredBytes:
    """Reads the objects of a store. For one event loop.

    - `concurrency`: upper limit on parallel requests. The actual number adapts to what the store can take.
    - `bytes_in_flight`: upper limit on bytes in memory.
    """

    def __init__(
        self,
        store: StoredObjects,
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        bytes_in_flight: int = 32 * PIECE,
        retries: RetryPolicy = STORE_RETRIES,
        sleep: Sleep = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._retries, self._sleep, self._monotonic = store, retries, sleep, monotonic
        self._concurrency = AdaptiveConcurrency(concurrency)
        self._budget = ByteBudget(bytes_in_flight)

    async def seen(self, key: str, version_id: str = "") -> Seen | None:
        """Read every byte of an object; None if there is none. Raises what a store raises, after retries."""
        return await self._answer(partial(self._hashed, key, version_id))

    async def body(self, key: str, version_id: str = "") -> bytes | None:
        """Return the bytes of an object; None if there is none. For objects that fit in memory."""

        async def whole() -> bytes | None:
            async with self._store.open(key, version_id) as found:
                return None if found is None else b"".join([piece async for piece in found.chunks()])

        return await self._answer(whole)

    async def kept(self, key: str) -> Seen | None:
        """What the store itself keeps of an object, without a download."""

        async def ask() -> Seen | None:
            found = await self._store.checksum(key)
            return Seen(found.size, found.sha256, found.version) if found else None

        return await self._answer(ask)

    async def size(self, key: str) -> Seen | None:
        async def ask() -> Seen | None:
            found = await self._store.head(key)
            return Seen(found.size, None, found.version) if found else None

        return await self._answer(ask)

    async def _answer(self, ask: Callable[[], Awaitable[T]]) -> T:
        async with self._concurrency:
            return await self._retries.call(partial(self._attempt, ask), self._sleep)

    async def _attempt(self, ask: Callable[[], Awaitable[T]]) -> T:
        began = self._monotonic()
        try:
            answer = await ask()
        except StoreUnavailable:
            self._concurrency.failed()
            raise
        self._concurrency.answered(self._monotonic() - began)
        return answer

    async def _hashed(self, key: str, version_id: str) -> Seen | None:
        async with self._store.open(key, version_id) as found:
            if found is None:
                return None
            async with self._budget.reserved(min(found.size, PIECE)):
                return await _hashed(found)


async def _hashed(found: ObjectBody) -> Seen:
    digest, received = hashlib.sha256(), 0
    async for piece in found.chunks():
        digest.update(piece)
        received += len(piece)
    if received != found.size:
        raise StoreUnavailable(f"a response ended after {received} of {found.size} bytes")
    return Seen(received, digest.hexdigest(), found.version)
