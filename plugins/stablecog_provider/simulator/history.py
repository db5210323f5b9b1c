"""Histories: random, seeded instants at which generations are requested and their outputs complete.

Latencies follow what is known about the service: nine of ten generations take 2 to 8 s, the rest up to the server's limit of
240 s. Ties and bursts are intentional, because a listing that pages by timestamps breaks on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from uuid import UUID

from .listing import LightRow

DENSITIES = {"human": 20.0, "dense": 0.25}
"""Mean seconds between two generations within a session."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Parameters of a history, in seconds and in shares of 1."""

    every: float = DENSITIES["human"]
    slow_share: float = 0.1
    slow: tuple[float, float] = (60.0, 240.0)
    quick: tuple[float, float] = (2.0, 8.0)
    tied_outputs: float = 0.7
    """Share of generations whose outputs complete in the same microsecond."""
    tied_generations: float = 0.03
    """Share of generations requested in the same microsecond as the one before."""
    bursts: float = 0.01
    """Share of generations that start a burst of 5 to 15, requested within milliseconds."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One generation: when it was requested, and when each of its outputs completed."""

    requested: datetime
    completed: tuple[datetime, ...]


def timings(random: Random, start: datetime, pace: Pace) -> Iterator[Timing]:
    """Yield an endless history of generations with 1 to 4 outputs, in the order of their requests."""
    requested, hurried = start, 0
    while True:
        if hurried:
            hurried -= 1
            requested += timedelta(microseconds=random.randrange(0, 4000))
        elif random.random() >= pace.tied_generations:
            requested += timedelta(seconds=pace.every * random.uniform(0.5, 1.5))
            hurried = random.randint(5, 15) if random.random() < pace.bursts else 0
        yield Timing(requested, _completions(random, requested, pace))


def _completions(random: Random, requested: datetime, pace: Pace) -> tuple[datetime, ...]:
    longest = requested + timedelta(seconds=pace.slow[1])
    done = requested + timedelta(
        seconds=random.uniform(*(pace.slow if random.random() < pace.slow_share else pace.quick))
    )
    step = timedelta(0) if random.random() < pace.tied_outputs else timedelta(microseconds=random.randint(1, 20_000))
    return tuple(min(done + step * place, longest) for place in range(random.randint(1, 4)))


def sessions(random: Random, start: datetime, days: float, outputs: int, pace: Pace) -> Iterator[Timing]:
    """Yield an endless history with about `outputs` in `days`: one session per day, at a random hour.

    If `days` is 0, the history is a single session.
    """
    if not days:
        yield from timings(random, start, pace)
    session, last = start, start
    while True:
        begins = max(session + timedelta(hours=random.uniform(0, 18)), last)
        left = outputs / days * random.uniform(0.6, 1.4)
        for timing in timings(random, begins, pace):
            yield timing
            last = timing.requested
            left -= len(timing.completed)
            if left <= 0:
                break
        session += timedelta(days=1)


def light_rows(seed: int, outputs: int, *, start: datetime, pace: Pace | None = None) -> list[LightRow]:
    """Return a history of bare rows for tests of the listing and of walks: one session, `outputs` rows, UUIDs as ids."""
    random = Random(seed)
    rows = (
        LightRow(str(UUID(int=random.getrandbits(128), version=4)), timing.requested, completed)
        for timing in timings(random, start, pace or Pace())
        for completed in timing.completed
    )
    return list(islice(rows, outputs))
