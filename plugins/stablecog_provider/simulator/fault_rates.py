"""Faults at a rate: a seeded, reproducible share of the requests for pages and images is spoiled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from random import Random

from .faults import Fault, Manner

PAGES, IMAGES = "pages", "images"


class Kind(StrEnum):
    """What happens to a request."""

    FAILING = "failing"
    """Answered with 503."""
    SLOW = "slow"
    """Answered correctly after some seconds."""
    BROKEN = "broken"
    """The body is cut off, or it is another document."""
    REFUSED = "refused"
    """Pages: 429. Images: 403."""
    MISSING = "missing"
    """Images only: 404."""
    LOOPED = "looped"
    """Pages only: `next` leads back to the same page."""


_PAGE_FAULTS: dict[Kind, tuple[Fault, ...]] = {
    Kind.FAILING: (Fault(status=503),),
    Kind.SLOW: (Fault(Manner.SLOW),),
    Kind.BROKEN: (Fault(Manner.TRUNCATED), Fault(Manner.GARBLED), Fault(Manner.DROPPED)),
    Kind.REFUSED: (Fault(status=429, retry_after="1"),),
    Kind.LOOPED: (Fault(Manner.LOOPED),),
}
_IMAGE_FAULTS: dict[Kind, tuple[Fault, ...]] = {
    Kind.FAILING: (Fault(status=503),),
    Kind.SLOW: (Fault(Manner.SLOW),),
    Kind.BROKEN: (Fault(Manner.SHORT), Fault(Manner.GARBLED), Fault(Manner.TRUNCATED)),
    Kind.REFUSED: (Fault(status=403),),
    Kind.MISSING: (Fault(status=404),),
}
_FAULTS = {PAGES: _PAGE_FAULTS, IMAGES: _IMAGE_FAULTS}
NONE = "none"


class FaultRates:
    """The shares by place (`pages` or `images`) and kind. The kinds of a place exclude each other, so their shares add up.

    Whether a request is spoiled depends on the seed, on what is requested, and on how often it was requested before. It does
    not depend on other requests, so parallel clients do not change it.
    """

    def __init__(self, shares: Mapping[tuple[str, Kind], float] | None = None, seed: int = 0) -> None:
        self.shares, self.seed = dict(shares or {}), seed
        self._requested: Counter[tuple[str, str]] = Counter()

    @classmethod
    def parse(cls, text: str, seed: int = 0) -> FaultRates:
        """Parse `failing=5%,images.broken=0.1`: a kind without a place is meant for both. `none`: no faults.

        Raises ValueError.
        """
        shares: dict[tuple[str, Kind], float] = {}
        for part in text.split(",") if text.strip() != NONE else ():
            for place, kind, share in _shares_of(part.strip()):
                if (place, kind) in shares:
                    raise ValueError(f"{part.strip()!r}: the rate of {place}.{kind} is given twice")
                shares[place, kind] = share
        for place in _FAULTS:
            if (total := sum(share for (of, _), share in shares.items() if of == place)) > 1:
                raise ValueError(f"{text!r}: the rates of {place} add up to {total:.0%}, more than 100%")
        return cls(shares, seed)

    def __str__(self) -> str:
        return ",".join(f"{place}.{kind}={share:g}" for (place, kind), share in self.shares.items()) or NONE

    def strike(self, place: str, requested: str) -> Fault | None:
        """Return the fault for the next request of `requested`, if any."""
        if not self.shares:
            return None
        attempt = self._requested[place, requested]
        self._requested[place, requested] += 1
        random = Random(f"{self.seed} {place} {requested} {attempt}")
        roll = random.random()
        for (of, kind), share in self.shares.items():
            if of == place:
                if roll < share:
                    return random.choice(_FAULTS[place][kind])
                roll -= share
        return None


def _shares_of(part: str) -> list[tuple[str, Kind, float]]:
    name, sign, number = part.partition("=")
    place, dot, kind_name = name.strip().rpartition(".")
    if not sign or (dot and place not in _FAULTS) or kind_name not in tuple(Kind):
        raise ValueError(f"{part!r} is not a fault: write [pages.|images.]KIND=RATE with a KIND of {', '.join(Kind)}")
    kind = Kind(kind_name)
    places = [of for of in ([place] if dot else _FAULTS) if kind in _FAULTS[of]]
    if not places:
        raise ValueError(f"{part!r}: {place} cannot be {kind}")
    share = share_of(number)
    return [(of, kind, share) for of in places]


def share_of(text: str) -> float:
    """Parse a share, `0.3` or `30%`. Raises ValueError."""
    number = text.strip()
    try:
        share = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"{text!r} is not a share: write 0.3 or 30%, at most 1 or 100%")
    return share
