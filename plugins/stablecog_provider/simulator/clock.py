"""The simulator's clock: it stands still until a test moves it, or runs at a given pace."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta


class SimulatedClock:
    """Begins at `start` (aware) and runs `rate` seconds a second of `ticker` (seconds, monotonic); 0 stands still."""

    def __init__(self, start: datetime, *, rate: float = 0.0, ticker: Callable[[], float] = time.monotonic) -> None:
        if start.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        self.rate = rate
        self._ticker = ticker
        self._then, self._ticks = start, ticker()

    def now(self) -> datetime:
        return self._then + timedelta(seconds=self.rate * (self._ticker() - self._ticks))

    def advance(self, seconds: float) -> datetime:
        """Move by so many seconds (backwards where negative) and return the new instant."""
        return self.set(self.now() + timedelta(seconds=seconds))

    def set(self, instant: datetime) -> datetime:
        if instant.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        self._then, self._ticks = instant, self._ticker()
        return instant
