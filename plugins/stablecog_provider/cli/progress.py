"""Shows progress on stderr: a bar on a terminal, else a line every 15 seconds."""

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
    """Images per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "-/s", style="progress.data.speed")


@contextmanager
def progress_listener(
    console: Console, monotonic: Callable[[], float] = time.monotonic
) -> Iterator[ProgressListener | None]:
    """Return a listener that draws or writes, or None if the console is quiet."""
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
        # A narrow terminal would cut off the numbers.
        columns = columns[1:2] + columns[3:]
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("connecting", total=None, copied="0 bytes", failed="")

        def on_progress(progress: Progress) -> None:
            bar.update(
                task,
                description=_described(progress),
                completed=progress.done,
                # The number of outputs that are still to be read is the best guess of the number of their images.
                total=progress.planned + max(0, (progress.total or 0) - progress.read) or None,
                copied=decimal(progress.bytes),
                failed=f", {progress.failed} failed" if progress.failed else "",
            )

        yield on_progress


def _write(console: Console, line: str) -> None:
    # A full disk or a closed pipe is no reason to stop copying.
    with suppress(OSError, ValueError):
        console.file.write(f"{line}\n")
        console.file.flush()


def _described(progress: Progress) -> str:
    stage = progress.stage or "archiving"
    if not progress.read and progress.total is None:
        return stage
    of = f" of {progress.total:,}" if progress.total is not None else ""
    return f"{stage} ({progress.read:,}{of} outputs read)"
