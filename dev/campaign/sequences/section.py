"""Random sequences of all that may happen, and a look from outside after every run.

Hypothesis draws the rules and shrinks what violates an invariant to a short story. A step is one rule; most of them are a run
or several.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import ClassVar
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from stablecog_provider.archive.committing import commit
from stablecog_provider.archive.proving import guard

from ..rig.tally import Section, Tally
from .machine import Sequences, Violation

PHASES = (Phase.generate, Phase.shrink)
MASS = 10
"""Outputs whose deletion is not taken for a mass deletion: as small as this scenario, so that the guard has something to do."""
COMMIT_ROWS = 6
"""So that a run of this scenario commits several times, while it goes on reading."""
STEPS = 40
"""Of one scenario, before it comes to peace."""
WORLDS = 25
"""That Hypothesis draws from one seed."""
ENOUGH = 3
"""Violations after which a campaign ends: each takes minutes to shrink."""


async def run(random: Random, size: int) -> list[Tally]:
    return [await asyncio.to_thread(try_sequences, random, size)]


def try_sequences(random: Random, size: int, machine: type[Sequences] = Sequences) -> Tally:
    """Play until `size` rules were executed."""
    tally, counted = Tally("sequences", "steps"), Counter[str]()
    while tally.tried < size and len(tally.faults) < ENOUGH:
        number = random.randrange(2**32)
        left = -(-(size - tally.tried) // STEPS)
        steps, fault = play(number, min(WORLDS, left), machine)
        counted += steps
        tally.tried = counted.total()
        if fault is not None:
            tally.lost += 1
            tally.faults.append(f"seed {number}: {type(fault).__name__}\n{fault}")
    tally.notes.append(", ".join(f"{name} {count:,}" for name, count in sorted(counted.items())))
    return tally


def play(number: int, worlds: int, machine: type[Sequences] = Sequences) -> tuple[Counter[str], Exception | None]:
    """So many worlds, drawn from one seed: the steps, and the shortest story that ends in a violation."""

    class Drawn(machine):  # type: ignore[misc, valid-type]
        steps: ClassVar[Counter[str]] = Counter()

    chosen = settings(
        max_examples=worlds,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=PHASES,
    )
    try:
        with patch.object(guard, "MASS_DELETION", MASS), patch.object(commit, "COMMIT_ROWS", COMMIT_ROWS):
            run_state_machine_as_test(seed(number)(Drawn), settings=chosen)
    except Exception as error:
        return Drawn.steps, error
    return Drawn.steps, None


SECTION = Section("sequences", run, full=20_000, slice=160)

__all__ = ["SECTION", "Violation", "play", "run", "try_sequences"]
