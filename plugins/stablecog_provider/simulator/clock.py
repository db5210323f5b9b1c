"""The simulator's clock. It is stopped until a test advances it, or runs at a given rate."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta


class SimulatedClock:
    """Starts at `start` (aware) and runs `rate` seconds per second of `ticker` (seconds, monotonic). 0 stops it."""

    def __init__(self, start: datetime, *, rate: float = 0.0, ticker: Callable[[], float] = time.monotonic) -> None:
        if start.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        self.rate = rate
        self._ticker = ticker
        self._then, self._ticks = start, ticker()

    def now(self) -> datetime:
        return self._then + timedelta(seconds=self.rate * (self._ticker() - self._ticks))

    def advance(self, seconds: float) -> datetime:
        """Advance by `seconds` (backwards if negative) and return the new instant."""
        return self.set(self.now() + timedelta(seconds=seconds))

    def set(self, instant: datetime) -> datetime:
        if instant.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        self._then, self._ticks = instant, self._ticker()
        return instant
