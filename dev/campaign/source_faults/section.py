"""Faults of the source: its API and its images fail in every way, and the archive must be complete in the end."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from stablecog_provider.adapters.memory import MemoryObjectStore

from ..rig.bench import Bench, bench
from ..rig.message_patterns import patterns
from ..rig.tally import Section, Tally
from . import listing_cases as source_cases
from .image_cases import IMAGE_CASES

Trial = Callable[[Bench, Random], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """A fault, and the check of its result."""

    name: str
    trial: Trial
    tally: str


CASES = (
    *(Case(case.name, case.trial, "images") for case in IMAGE_CASES),
    *(Case(name, trial, "pages") for name, trial in source_cases.PAGE_CASES.items()),
    *(Case(name, trial, "days") for name, trial in source_cases.DAY_CASES.items()),
)
WHAT = {
    "images": "faults of images, short and long",
    "pages": "faults of pages, once and lasting",
    "days": "hosts down, limits, moving counts, wrong clocks",
}


async def run(random: Random, size: int) -> list[Tally]:
    """Run every case once before any comes twice, each with its own random account."""
    tallies = {name: Tally(f"source faults: {name}", what) for name, what in WHAT.items()}
    messages: dict[str, str] = {}
    drawn: list[Case] = []
    while len(drawn) < size:
        drawn += random.sample(CASES, len(CASES))
    for case in drawn[:size]:
        seed, tally = random.randrange(2**32), tallies[case.tally]
        label, own, began = f"{case.name}, seed {seed}", Random(seed), time.monotonic()
        async with bench(
            own, tally, label, MemoryObjectStore(), dialect=source_cases.dialect_for(case.name, own)
        ) as stage:
            try:
                await case.trial(stage, own)
            except Exception as error:  # any exception is a fault of the archive
                stage.wrong(f"{type(error).__name__}: {error}")
            messages |= dict.fromkeys(patterns(stage.messages), case.name)
        tally.tried += 1
        tally.seconds += time.monotonic() - began
    tallies["days"].notes.append(f"{len(messages)} different messages")
    SEEN.update(messages)
    return [tally for tally in tallies.values() if tally.tried]


SEEN: dict[str, str] = {}
"""Each message of the last run, by pattern, with a case that caused it."""

SECTION = Section("source_faults", run, full=240, slice=6)
