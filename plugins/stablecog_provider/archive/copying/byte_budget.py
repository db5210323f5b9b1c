"""A bound on the bytes of image bodies in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ByteBudget:
    """Limits the bytes in memory. First come, first served, so that small images cannot starve a large one."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.available = capacity
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def reserved(self, amount: int) -> AsyncIterator[None]:
        """Wait for `amount` bytes and hold them; more than the capacity counts as all of it."""
        amount = min(amount, self.capacity)
        async with self._turn:
            while self.available < amount:
                self._freed.clear()
                await self._freed.wait()
            self.available -= amount
        try:
            yield
        finally:
            self.available += amount
            self._freed.set()
