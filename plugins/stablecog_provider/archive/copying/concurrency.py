"""How many images are copied at the same time: adapts to what the hosts can take.

Additive increase, multiplicative decrease (Chiu and Jain 1989, as in TCP), in rounds of as many responses as there are slots:

- A round in which all slots were used adds one slot. Until the first problem, it doubles the limit instead.
- A refusal, or many failures, halves the limit.
- A host whose responses start much later than before has a queue. The limit is reduced, since more requests only lengthen it.
"""

from __future__ import annotations

import asyncio
import math
from statistics import median

MIN_LIMIT, INITIAL_LIMIT = 4, 16
DEFAULT_CONCURRENCY = 64
LATENCY_RATIO = 2.0
NOTICEABLE = 0.25
"""Seconds. A smaller increase may just as well be this machine's, and does no harm."""
REFUSAL_FACTOR, LATENCY_FACTOR = 0.5, 0.9
FAILURE_SHARE = 0.1


class AdaptiveConcurrency:
    """An async context manager around each image, fed with each response. For one event loop; waiters are served in order.

    `limit` is between `floor` and `ceiling`. A ceiling below the floor lowers the floor.
    """

    def __init__(
        self, ceiling: int = DEFAULT_CONCURRENCY, *, floor: int = MIN_LIMIT, start: int = INITIAL_LIMIT
    ) -> None:
        self.ceiling = ceiling
        self.floor = min(floor, ceiling)
        self.limit = min(max(start, self.floor), ceiling)
        self.in_use = 0
        self._slots = asyncio.Semaphore(self.limit)
        # Slots that were taken away but that the semaphore still gives out. Whoever gets one drops it.
        self._owed = 0
        self._doubling = True
        self._all_used = False
        self._stale = self._failures = 0
        self._waits: list[float] = []
        self._shortest = math.inf

    async def __aenter__(self) -> None:
        await self._slots.acquire()
        while self._owed:
            self._owed -= 1
            await self._slots.acquire()
        self.in_use += 1
        self._all_used = self._all_used or self.in_use >= self.limit

    async def __aexit__(self, *_: object) -> None:
        self.in_use -= 1
        if self._owed:
            self._owed -= 1
        else:
            self._slots.release()

    def answered(self, wait: float) -> None:
        """A response started after `wait` seconds."""
        if self._is_stale():
            return
        self._waits.append(wait)
        if len(self._waits) < self.limit:
            return
        typical = median(self._waits)
        # A host that is slow even at the lowest limit is farther away than before; it has no queue of ours.
        self._shortest = typical if self.limit <= self.floor else min(typical, self._shortest)
        if typical > max(self._shortest * LATENCY_RATIO, self._shortest + NOTICEABLE):
            self._reduce(LATENCY_FACTOR)
        else:
            self._grow()

    def refused(self) -> None:
        """A host refused a request (429)."""
        if not self._is_stale():
            self._reduce(REFUSAL_FACTOR)

    def failed(self) -> None:
        """A request failed (5xx, a broken connection). Frequent failures mean overload; a few are those images' own problem."""
        if self._is_stale():
            return
        self._failures += 1
        if self._failures > 1 + FAILURE_SHARE * self.limit:
            self._reduce(REFUSAL_FACTOR)

    def _is_stale(self) -> bool:
        """Whether the result belongs to a request from before the last reduction, and so does not count for the new limit."""
        if not self._stale:
            return False
        self._stale -= 1
        return True

    def _reduce(self, factor: float) -> None:
        self._doubling = False
        self._stale = max(self.in_use - 1, 0)
        self._set_limit(max(self.floor, int(self.limit * factor)))

    def _grow(self) -> None:
        used, more = self._all_used, self.limit if self._doubling else 1
        self._set_limit(min(self.ceiling, self.limit + more) if used else self.limit)

    def _set_limit(self, limit: int) -> None:
        for _ in range(self.limit, limit):
            if self._owed:
                self._owed -= 1
            else:
                self._slots.release()
        self._owed += max(self.limit - limit, 0)
        self.limit = limit
        self._all_used = self.in_use >= limit
        self._failures = 0
        self._waits.clear()
