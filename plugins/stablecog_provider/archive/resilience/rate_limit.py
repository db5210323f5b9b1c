"""One rate for all callers of the same host: a refusal of one slows all of them.

The usual library, aiolimiter (1.3 was read), spaces requests evenly if its bucket holds a single one. Its rate is fixed at
construction, and it has no pause for a `Retry-After`; this module needs both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

FIRST_INTERVAL, LONGEST_INTERVAL = 0.05, 2.0
"""Seconds between two requests: after the first refusal, and the maximum."""
_RECOVERY = 0.98
_NEGLIGIBLE = 0.001


class RateLimiter:
    """Spaces the starts of requests by `interval` seconds: wider after each refusal, narrower again with every success.

    Without the spacing, all callers that waited for a `Retry-After` would ask at the same instant and be refused again.
    """

    def __init__(
        self,
        interval: float = 0.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.interval = self._least = interval
        self._sleep, self._monotonic = sleep, monotonic
        self._next = self._throttled_at = monotonic()
        self._lock = asyncio.Lock()

    async def acquire(self) -> float:
        """Wait for the next free slot. Returns its time, which `throttled` needs."""
        async with self._lock:
            # During the sleep, another caller may have extended the pause.
            while (delay := self._next - self._monotonic()) > 0:
                await self._sleep(delay)
            now = self._monotonic()
            self._next = now + self.interval
            return now

    def pause(self, seconds: float) -> None:
        """Let no request start for that long: a rate limit applies to the client's address, not to one request."""
        self._next = max(self._next, self._monotonic() + seconds)

    def throttled(self, asked_at: float, seconds: float) -> None:
        """A request started at `asked_at` was refused. Refusals of concurrent requests count as one."""
        self.pause(seconds)
        if asked_at >= self._throttled_at:
            self.interval = max(self._least, min(max(2 * self.interval, FIRST_INTERVAL), LONGEST_INTERVAL))
            self._throttled_at = self._monotonic()

    def succeeded(self) -> None:
        """A request was answered: narrow the interval a little, down to where it began."""
        self.interval = max(self._least, self.interval * _RECOVERY if self.interval > _NEGLIGIBLE else 0.0)
