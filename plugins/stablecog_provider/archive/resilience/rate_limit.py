"""One rate for all who ask the same host: what one of them is told, all of them heed.

(aiolimiter, the usual library, lets a full bucket go at once at the start, and does not learn from a refusal.)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

FIRST_INTERVAL, LONGEST_INTERVAL = 0.05, 2.0
"""Seconds between two requests: after the first refusal, and at most."""
_RECOVERY = 0.98
_NEGLIGIBLE = 0.001


class RateLimiter:
    """Spaces the starts of requests by `interval` seconds; wider after each refusal, and narrower again with every success.

    Without the spacing, all who waited for a `Retry-After` would ask at the same instant, and be refused again.
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
        """Wait until it is one's turn. Returns when that was, for `refused`."""
        async with self._lock:
            # Meanwhile, somebody else may have been told to wait longer.
            while (delay := self._next - self._monotonic()) > 0:
                await self._sleep(delay)
            now = self._monotonic()
            self._next = now + self.interval
            return now

    def pause(self, seconds: float) -> None:
        """Nobody asks for that long: a limit is the client address's, not the request's."""
        self._next = max(self._next, self._monotonic() + seconds)

    def throttled(self, asked_at: float, seconds: float) -> None:
        """A request begun at `asked_at` came too soon. Requests that were under way together are one refusal."""
        self.pause(seconds)
        if asked_at >= self._throttled_at:
            self.interval = max(self._least, min(max(2 * self.interval, FIRST_INTERVAL), LONGEST_INTERVAL))
            self._throttled_at = self._monotonic()

    def succeeded(self) -> None:
        self.interval = max(self._least, self.interval * _RECOVERY if self.interval > _NEGLIGIBLE else 0.0)
