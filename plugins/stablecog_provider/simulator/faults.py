"""What goes wrong on cue, and the rate limit that always may."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil


class Manner(StrEnum):
    """How an answer is spoilt."""

    STATUS = "status"
    """An error status, with the body the service gives it."""
    DROPPED = "dropped"
    """The connection closes without an answer."""
    STALLED = "stalled"
    """Nothing comes until the simulator stops."""
    TRUNCATED = "truncated"
    """Half of the body comes, then the connection breaks, short of its declared length."""
    SHORT = "short"
    """Half of the body comes, declared as if it were all."""
    GARBLED = "garbled"
    """200, and a body that is something else altogether."""
    RESET = "reset"
    """Half of the body comes, then the connection is reset."""
    CUT = "cut"
    """Half of the body comes without a declared length, then the connection breaks."""
    ENDED = "ended"
    """Half of the body comes without a declared length, and the connection closes as if it were all."""
    LONG = "long"
    """The whole body comes, and half of its length was declared."""
    MISTYPED = "mistyped"
    """The whole body comes under another content type."""
    EMPTIED = "emptied"
    """A page without outputs that has a `next`; an image without bytes."""
    LOOPED = "looped"
    """A page whose `next` leads back to it; an image that redirects to itself."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Spoils the answers to `times` requests (None: all from then on) once `after` more have passed unharmed.

    `retry_after` (seconds, or any text a server might send) becomes the header where the manner is a status.
    """

    manner: Manner = Manner.STATUS
    status: int = 500
    times: int | None = 1
    after: int = 0
    retry_after: str | None = None


class Faults:
    """The plan of what goes wrong. `any_image` stands for the next image asked for, whichever it is."""

    any_image = "*"
    _api = "api"

    def __init__(self) -> None:
        self._plans: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def on_api(self, fault: Fault) -> None:
        """Queue a fault for the listing; queued ones follow each other."""
        self._plans[self._api].append(fault)

    def on_image(self, file_name: str, fault: Fault) -> None:
        """Queue a fault for one image by its file name on the image host, or for `any_image`."""
        self._plans[f"image {file_name}"].append(fault)

    def clear(self) -> None:
        self._plans.clear()

    def strike_api(self) -> Fault | None:
        """A request came in: the fault that hits it."""
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
    """At most `limit` requests in any second for each client address; requests refused do not count.

    It runs on `ticker` (seconds, monotonic), not on the simulated clock: clients wait in their own time.
    """

    def __init__(self, limit: int, ticker: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._ticker = ticker
        self._seen: defaultdict[str, deque[float]] = defaultdict(deque)

    def admit(self, client: str) -> tuple[int, int]:
        """How many more requests the client has now, and after how many whole seconds to come again (0: admitted)."""
        now, seen = self._ticker(), self._seen[client]
        while seen and seen[0] <= now - 1:
            seen.popleft()
        if len(seen) >= self.limit:
            return 0, max(ceil(seen[0] + 1 - now), 1)
        seen.append(now)
        return self.limit - len(seen), 0
