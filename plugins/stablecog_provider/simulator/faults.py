"""Faults on cue, and the rate limit."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil


class Manner(StrEnum):
    """How a response is spoiled."""

    STATUS = "status"
    """An error status, with the body that the service sends."""
    DROPPED = "dropped"
    """The connection closes without a response."""
    STALLED = "stalled"
    """No response until the simulator stops."""
    TRUNCATED = "truncated"
    """Half of the body, then the connection breaks before the declared length."""
    SHORT = "short"
    """Half of the body, declared as the whole."""
    GARBLED = "garbled"
    """200 with a body of another kind."""
    RESET = "reset"
    """Half of the body, then the connection is reset."""
    CUT = "cut"
    """Half of the body without a declared length, then the connection breaks."""
    ENDED = "ended"
    """Half of the body without a declared length, then the connection closes normally."""
    LONG = "long"
    """The whole body, with half of its length declared."""
    MISTYPED = "mistyped"
    """The whole body with another content type."""
    EMPTIED = "emptied"
    """A page with a `next` but without outputs, or an image without bytes."""
    LOOPED = "looped"
    """A page whose `next` leads back to it, or an image that redirects to itself."""
    SLOW = "slow"
    """The right response, after some seconds."""


SLOW_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Spoils the responses to `times` requests (None: to all), after `after` more unspoiled ones.

    `retry_after` (seconds or any other text) becomes the header `Retry-After` if the manner is a status.
    """

    manner: Manner = Manner.STATUS
    status: int = 500
    times: int | None = 1
    after: int = 0
    retry_after: str | None = None


class Faults:
    """The planned faults. `any_image` means the next image requested, whichever it is."""

    any_image = "*"
    _api = "api"

    def __init__(self) -> None:
        self._plans: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def on_api(self, fault: Fault) -> None:
        """Queue a fault for the listing. Queued faults follow one another."""
        self._plans[self._api].append(fault)

    def on_image(self, file_name: str, fault: Fault) -> None:
        """Queue a fault for one image by its file name on the image host, or for `any_image`."""
        self._plans[f"image {file_name}"].append(fault)

    def clear(self) -> None:
        self._plans.clear()

    def strike_api(self) -> Fault | None:
        """Return the fault for an incoming request, if any."""
        return self._strike(self._api)

    def strike_image(self, file_name: str) -> Fault | None:
        return self._strike(f"image {file_name}") or self._strike(f"image {self.any_image}")

    def _strike(self, place: str) -> Fault | None:
        plan = self._plans.get(place)
        if not plan:
            return None
        fault = plan[0]
        if fault.after > 0:
            plan[0] = replace(fault, after=fault.after - 1)
            return None
        if fault.times is not None:
            plan[0] = replace(fault, times=fault.times - 1)
            if fault.times <= 1:
                plan.popleft()
        return fault


class RateLimit:
    """At most `limit` requests in any second per client address. Refused requests do not count.

    It uses `ticker` (seconds, monotonic) instead of the simulated clock, because clients wait in their own time.
    """

    def __init__(self, limit: int, ticker: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._ticker = ticker
        self._seen: defaultdict[str, deque[float]] = defaultdict(deque)

    def admit(self, client: str) -> tuple[int, int]:
        """Count a request. Return the remaining requests and the whole seconds to wait (0: the request is admitted)."""
        now, seen = self._ticker(), self._seen[client]
        while seen and seen[0] <= now - 1:
            seen.popleft()
        if len(seen) >= self.limit:
            return 0, max(ceil(seen[0] + 1 - now), 1)
        seen.append(now)
        return self.limit - len(seen), 0
