"""The progress bar for people: on stderr, and only where stderr is a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.text import Text

from ..archive.ports import Progress, Watcher

NARROW = 110


class RateColumn(ProgressColumn):
    """Images a second, and bytes so far."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "-/s", style="progress.data.speed")


@contextmanager
def watching(console: Console) -> Iterator[Watcher | None]:
    """A watcher that draws, or None where nobody looks."""
    if not console.is_terminal:
        yield None
        return
    columns: tuple[ProgressColumn, ...] = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("images"),
        RateColumn(),
        TextColumn("{task.fields[copied]}{task.fields[failed]}", style="progress.download"),
        TextColumn("ETA"),
        TimeRemainingColumn(compact=True),
    )
    if console.width < NARROW:
        # What is cut off on a narrow terminal would be the numbers.
        columns = columns[1:2] + columns[3:]
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("asking the source", total=None, copied="0 bytes", failed="")

        def watch(progress: Progress) -> None:
            bar.update(
                task,
                description=_described(progress),
                completed=progress.done,
                total=progress.planned or None,
                copied=decimal(progress.bytes),
                failed=f", {progress.failed} failed" if progress.failed else "",
            )

        yield watch


def _described(progress: Progress) -> str:
    of = f" of {progress.total:,}" if progress.total is not None else ""
    return f"{progress.stage or 'archiving'} ({progress.read:,}{of} outputs read)"
