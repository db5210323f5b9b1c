"""What a campaign tried, and what came of it. The four counts at the end must all be 0."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any


@dataclass(slots=True)
class Tally:
    """One line of the closing table. `tried`: how many of `what` (kills, rounds, vectors ...). `notes`: what a reader should
    know, such as what could not be run here and why; `faults`: each wrong outcome in a sentence that names its seed.
    """

    name: str
    what: str
    tried: int = 0
    lost: int = 0
    doubled: int = 0
    corrupt: int = 0
    leaked: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.corrupt or self.leaked or self.faults)


@dataclass(frozen=True, slots=True)
class Section:
    """One campaign: `run(random, size)` tries `size` cases, drawn from `random` alone, and tallies them (a section may give
    several lines). `full` is the size of `make campaign`, `slice` that of the tests.
    """

    name: str
    run: Callable[[Random, int], Coroutine[Any, Any, list[Tally]]]
    full: int
    slice: int
