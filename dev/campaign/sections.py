"""The campaign's sections by name, and how one of them is run."""

from __future__ import annotations

import asyncio
import time
from importlib import import_module
from random import Random

from stablecog_provider.adapters.process_exit import wait_for_threads_at_exit

from .rig.tally import Section, Tally

SECTIONS = {
    "kills": "kills.section",
    "races": "kills.races",
    "source_faults": "source_faults.section",
    "store_faults": "store_faults.section",
    "damage": "damage.section",
    "injuries": "injuries.section",
    "forgets": "forgets.section",
    "hostile": "hostile.section",
    "fuzz": "fuzz.section",
    "secrets": "secrets.section",
    "sequences": "sequences.section",
    "restores": "restores.section",
}

LONGEST_FIRST = (
    "kills",
    "fuzz",
    "secrets",
    "sequences",
    "damage",
    "restores",
    "races",
    "injuries",
    "forgets",
    "store_faults",
    "source_faults",
    "hostile",
)
"""The order of the start, so that no long section is left for the end."""


def sections() -> list[Section]:
    """Every section's module has a `SECTION`."""
    return [import_module(f"{__package__}.{module}").SECTION for module in SECTIONS.values()]


def run(name: str, seed: int, scale: float) -> list[Tally]:
    """Run one section in this process."""
    wait_for_threads_at_exit()
    (section,) = (each for each in sections() if each.name == name)
    began = time.monotonic()
    tallies = asyncio.run(section.run(Random(f"{seed} {name}"), max(1, round(section.full * scale))))
    for tally in tallies:
        tally.seconds = tally.seconds or time.monotonic() - began
    return tallies
