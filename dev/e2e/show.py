"""The closing table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .arrivals import Arrivals
from .runs import Line

AIM = 1.7
"""Expected speed-up of two workers over one. Missing it is reported, but is not a failure."""
_SHOWN = 5
_COLUMNS = (
    "run", "workers", "seconds", "windows", "outputs", "images", "lost", "doubled", "corrupt", "retries", "responses 429",
    "CPU: ours", "others",
)  # fmt: skip


def show(console: Console, lines: Sequence[Line]) -> None:
    table = Table(*_COLUMNS)
    for line in lines:
        found = line.findings
        counts = (line.windows, found.outputs, found.images, len(found.lost), len(found.doubled), len(found.corrupt))
        numbers = (*counts, line.retries, line.limited)
        table.add_row(
            line.run.name,
            str(line.run.workers),
            f"{line.seconds:.1f}",
            *(f"{number:,}" for number in numbers),
            f"{line.cpu.ours:.0%}",
            f"{line.cpu.others:.0%}",
        )
    console.print(table)
    for line in lines:
        for sentence in (*line.notes, *line.faults, *_problems(line)):
            console.print(f"{line.run.name}: {sentence}", soft_wrap=True)
    if reached := ratio(lines):
        aim = "" if reached >= AIM else f", below the aim of {AIM}"
        console.print(f"speed-up of two workers over one: {reached:.2f}{aim}")


def show_arrivals(console: Console, arrivals: Arrivals) -> None:
    for sentence in arrivals.seen:
        console.print(f"arrivals: seen: {sentence}", soft_wrap=True)
    for sentence in arrivals.faults:
        console.print(f"arrivals: [bold red]fault[/]: {escape(sentence)}", soft_wrap=True)


def _problems(line: Line) -> list[str]:
    found = line.findings
    named = {"lost": found.lost, "doubled": found.doubled, "corrupt": found.corrupt}
    return [
        f"{name}: {'; '.join(sentences[:_SHOWN])}"
        + (f" and {len(sentences) - _SHOWN} more" if sentences[_SHOWN:] else "")
        for name, sentences in named.items()
        if sentences
    ]


def ratio(lines: Sequence[Line]) -> float | None:
    """Return the speed-up of two undisturbed workers over one with the same account, or None if it was not measured."""
    taken = {(line.run.workers, line.run.outputs): line.seconds for line in lines if line.run.killed is None}
    for (workers, outputs), seconds in taken.items():
        if workers == 1 and (both := taken.get((2, outputs))):
            return seconds / both
    return None
