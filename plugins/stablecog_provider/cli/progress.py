"""How far a command is, on stderr: a bar where that is a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

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

from ..archive.ports import Progress, ProgressListener
from ..archive.reports.progress import LoggedProgress

NARROW = 110


class RateColumn(ProgressColumn):
    """Images a second, and bytes so far."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "-/s", style="progress.data.speed")


@contextmanager
def progress_listener(
    console: Console, monotonic: Callable[[], float] = time.monotonic
) -> Iterator[ProgressListener | None]:
    """A watcher that draws or writes, or None where nobody looks."""
    if console.quiet:
        yield None
        return
    if not console.is_terminal:
        yield LoggedProgress(lambda text, *values: _write(console, text % values), monotonic)
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

        def on_progress(progress: Progress) -> None:
            bar.update(
                task,
                description=_described(progress),
                completed=progress.done,
                total=progress.planned or None,
                copied=decimal(progress.bytes),
                failed=f", {progress.failed} failed" if progress.failed else "",
            )

        yield on_progress


def _write(console: Console, line: str) -> None:
    # A log that is full, or a pipe that nobody reads any more, is no reason to stop copying.
    with suppress(OSError, ValueError):
        console.file.write(f"{line}\n")
        console.file.flush()


def _described(progress: Progress) -> str:
    of = f" of {progress.total:,}" if progress.total is not None else ""
    return f"{progress.stage or 'archiving'} ({progress.read:,}{of} outputs read)"
