"""How much one verify may do: bytes, time or images."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ...errors import ConfigurationError

_BUDGET = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)\s?([a-zA-Z]{0,3})", re.ASCII)
_BYTES = {
    "kB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
    "TiB": 1024**4,
}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Budget:
    """One bound; the others are None. `text`: as it was written."""

    bytes: int | None = None
    seconds: float | None = None
    images: int | None = None
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Parse `50GB`, `2h` or `10000`. Raises ConfigurationError."""
        found = _BUDGET.fullmatch(text.strip())
        amount, unit = (float(found[1]), found[2]) if found else (0.0, "")
        if amount > 0 and unit in _BYTES:
            return cls(bytes=int(amount * _BYTES[unit]), text=text.strip())
        if amount > 0 and unit in _SECONDS:
            return cls(seconds=amount * _SECONDS[unit], text=text.strip())
        if amount > 0 and not unit and amount.is_integer():
            return cls(images=int(amount), text=text.strip())
        raise ConfigurationError(
            f"budget: {text[:60]!r} is neither bytes, nor a time, nor a number of images",
            hint="write bytes as 50GB, a time as 2h, or a number of images as 10000",
        )

    def __str__(self) -> str:
        return self.text


class Meter:
    """Counts what a verify uses of its budget; None is no bound. `monotonic`: seconds."""

    def __init__(self, budget: Budget | None, monotonic: Callable[[], float]) -> None:
        budget = budget or Budget()
        self._bytes, self._images, self._monotonic = budget.bytes, budget.images, monotonic
        self._until = None if budget.seconds is None else monotonic() + budget.seconds
        self.images = self.bytes = 0
        self.spent = False
        """Whether the budget refused an image: there was more to check."""

    def take(self, size: int) -> bool:
        """Whether an image of `size` bytes may still be checked. The first one always may, so that every slice makes progress."""
        fits = (
            (self._images is None or self.images < self._images)
            and (self._bytes is None or self.bytes + size <= self._bytes)
            and (self._until is None or self._monotonic() < self._until)
        )
        if self.spent or (self.images and not fits):
            self.spent = True
            return False
        self.images, self.bytes = self.images + 1, self.bytes + size
        return True
