"""`python -m dev.campaign [--only NAME] [--seed N] [--scale X]`: run the sections and print a table.

Exit code 0 if all sections are clean, 1 if not, 2 if a section does not exist.
"""

from __future__ import annotations

import asyncio
import time
from importlib import import_module
from random import Random
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from stablecog_provider.adapters.process_exit import wait_for_threads_at_exit

from .rig.tally import Section, Tally

SECTIONS = {
    "kills": "kills.section",
    "races": "kills.races",
    "source_faults": "source_faults.section",
    "store_faults": "store_faults.section",
    "damage": "damage.section",
    "hostile": "hostile.section",
    "fuzz": "fuzz.section",
    "secrets": "secrets.section",
    "sequences": "sequences.section",
}


def sections() -> list[Section]:
    """Every section's module has a `SECTION`."""
    return [import_module(f"{__package__}.{module}").SECTION for module in SECTIONS.values()]


def main(
    only: Annotated[list[str] | None, typer.Option(help="Run only these sections.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed runs the same cases.")] = 1,
    scale: Annotated[float, typer.Option(help="Size relative to the full one.")] = 1.0,
) -> None:
    wait_for_threads_at_exit()
    console = Console()
    # Otherwise a misspelt name would run nothing and count as clean.
    if unknown := set(only or ()) - set(SECTIONS):
        console.print(f"unknown section: {', '.join(sorted(unknown))}. Choose from {', '.join(SECTIONS)}.")
        raise SystemExit(2)
    tallies: list[Tally] = []
    for section in sections():
        if only and section.name not in only:
            continue
        console.print(f"[bold]{section.name}[/] ...")
        began = time.monotonic()
        found = asyncio.run(section.run(Random(f"{seed} {section.name}"), max(1, round(section.full * scale))))
        for tally in found:
            tally.seconds = tally.seconds or time.monotonic() - began
        tallies += found
    show(console, tallies)
    raise SystemExit(0 if all(tally.clean for tally in tallies) else 1)


def show(console: Console, tallies: list[Tally]) -> None:
    table = Table("campaign", "tried", "what", "lost", "doubled", "corrupt", "leaked", "seconds")
    for tally in tallies:
        counts = (tally.lost, tally.doubled, tally.corrupt, tally.leaked)
        table.add_row(
            tally.name, f"{tally.tried:,}", tally.what, *(f"{count:,}" for count in counts), f"{tally.seconds:.0f}"
        )
    console.print(table)
    for tally in tallies:
        for line in (*tally.notes, *tally.faults):
            console.print(f"{tally.name}: {line}", soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
