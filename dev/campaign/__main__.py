"""`python -m dev.campaign [--only NAME] [--seed N] [--scale X] [--jobs N]`: run the sections and print a table.

Each section runs in a process of its own, so that its figures for memory are its own, too.

Exit code 0 if all sections are clean, 1 if not, 2 if a section does not exist.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from .rig.tally import Tally
from .sections import LONGEST_FIRST, SECTIONS, run


def main(
    only: Annotated[list[str] | None, typer.Option(help="Run only these sections.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed runs the same cases.")] = 1,
    scale: Annotated[float, typer.Option(help="Size relative to the full one.")] = 1.0,
    jobs: Annotated[int, typer.Option(min=1, help="Sections that run at the same time.")] = 2,
) -> None:
    console = Console()
    # Otherwise a misspelt name would run nothing and count as clean.
    if unknown := set(only or ()) - set(SECTIONS):
        console.print(f"unknown section: {', '.join(sorted(unknown))}. Choose from {', '.join(SECTIONS)}.")
        raise SystemExit(2)
    names = [name for name in SECTIONS if not only or name in only]
    found: dict[str, list[Tally]] = {}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        running = {pool.submit(run, name, seed, scale): name for name in sorted(names, key=LONGEST_FIRST.index)}
        for done in as_completed(running):
            found[running[done]] = done.result()
            # A long campaign that is stopped has printed the sections that ended before.
            show(console, found[running[done]])
    tallies = [tally for name in names for tally in found[name]]
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
