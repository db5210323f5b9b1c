"""Results of the campaign. Lost, doubled, corrupt and leaked must all be 0."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any


@dataclass(slots=True)
class Tally:
    """One line of the closing table.

    `tried`: number of `what` (kills, rounds, vectors ...). `notes`: remarks, such as what could not run here and why.
    `faults`: one sentence per wrong outcome, with its seed.
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
    """One section of the campaign.

    `run(random, size)` runs `size` cases, drawn from `random` only, and returns one or more tallies. `full` is the size in
    `make campaign`, `slice` that in the tests.
    """

    name: str
    run: Callable[[Random, int], Coroutine[Any, Any, list[Tally]]]
    full: int
    slice: int
