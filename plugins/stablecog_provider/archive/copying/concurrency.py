"""How many images are copied at the same time: found out, not configured.

Additive increase, multiplicative decrease, in rounds of as many answers as there are slots (Chiu and Jain 1989, as in TCP):
a round in which all slots were used adds one, or doubles until the first trouble; a refusal, or many failures, halves;
a host that takes much longer to begin its answers than it once did has a queue, which more requests would only lengthen.
"""

from __future__ import annotations

import asyncio
import math
from statistics import median

MIN_LIMIT, INITIAL_LIMIT = 4, 16
DEFAULT_CONCURRENCY = 64
LATENCY_RATIO = 2.0
NOTICEABLE = 0.25
"""Seconds: a wait that is longer by less is our own machine's as likely as the host's, and costs nobody anything."""
REFUSAL_FACTOR, LATENCY_FACTOR = 0.5, 0.9
FAILURE_SHARE = 0.1


class AdaptiveConcurrency:
    """`async with` it around each image; tell it of each answer. Of one event loop; waiters come first, go first.

    `limit` lies between `floor` and `ceiling`. A ceiling below the floor is the floor, too.
    """

    def __init__(
        self, ceiling: int = DEFAULT_CONCURRENCY, *, floor: int = MIN_LIMIT, start: int = INITIAL_LIMIT
    ) -> None:
        self.ceiling = ceiling
        self.floor = min(floor, ceiling)
        self.limit = min(max(start, self.floor), ceiling)
        self.in_use = 0
        self._slots = asyncio.Semaphore(self.limit)
        # Slots taken away that the semaphore still gives out: whoever gets one lets it go for good.
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
        """A host began to answer after `wait` seconds."""
        if self._is_stale():
            return
        self._waits.append(wait)
        if len(self._waits) < self.limit:
            return
        typical = median(self._waits)
        # One that is slow even when hardly asked is further away than it was, and has no queue of ours.
        self._shortest = typical if self.limit <= self.floor else min(typical, self._shortest)
        if typical > max(self._shortest * LATENCY_RATIO, self._shortest + NOTICEABLE):
            self._reduce(LATENCY_FACTOR)
        else:
            self._grow()

    def refused(self) -> None:
        """A host said that it is too much (429)."""
        if not self._is_stale():
            self._reduce(REFUSAL_FACTOR)

    def failed(self) -> None:
        """A host failed (5xx, a broken connection): too much for it where it does so often, else that one image's trouble."""
        if self._is_stale():
            return
        self._failures += 1
        if self._failures > 1 + FAILURE_SHARE * self.limit:
            self._reduce(REFUSAL_FACTOR)

    def _is_stale(self) -> bool:
        """What was under way when the limit fell says nothing about the new one."""
        if not self._stale:
            return False
        self._stale -= 1
        return True

    def _reduce(self, factor: float) -> None:
        self._doubling = False
        self._stale = max(self.in_use - 1, 0)
        self._become(max(self.floor, int(self.limit * factor)))

    def _grow(self) -> None:
        used, more = self._all_used, self.limit if self._doubling else 1
        self._become(min(self.ceiling, self.limit + more) if used else self.limit)

    def _become(self, limit: int) -> None:
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
