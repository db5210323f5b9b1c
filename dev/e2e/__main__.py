"""`python -m dev.e2e`: Airflow with PostgreSQL, Redis and Celery workers, on loopback; the backfill with one worker, with two,
and with a worker and a task killed. Prints a table, and exits 1 if anything was lost, doubled, corrupt or not proven.

Everything that is started is stopped at the end, on failure and on Ctrl-C, too. Logs stay under `.e2e/`.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from ..local.children import StepFailed, raise_on_signals
from ..local.s3_server import ServerFailed, seaweedfs
from .account import truth_of
from .backends import backends
from .bucket import BUCKET
from .cluster import cluster
from .programs import Programs, ProgramsMissing, find_programs
from .runs import Killed, Line, Run, play
from .show import show

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".e2e"
NAMES = ("one-worker", "two-workers", "worker-killed", "task-killed")
WIDTH = 150
SMALL, FEW_WINDOWS = 10, 4
"""A killed task is shown with so much smaller an account, in few windows."""


def main(
    outputs: Annotated[int, typer.Option(min=100, help="Outputs that the account has.")] = 20_000,
    windows: Annotated[int, typer.Option(min=2, help="Windows that are asked for.")] = 24,
    concurrency: Annotated[int, typer.Option(min=1, help="Images that each window copies at the same time.")] = 2,
    latency: Annotated[float, typer.Option(min=0, help="Seconds of each answer of the source.")] = 0.05,
    only: Annotated[list[str] | None, typer.Option(help=f"Only these of {', '.join(NAMES)}.")] = None,
) -> None:
    console = Console(highlight=False)
    # A table that is piped into a file is not to be folded.
    console.width = max(console.width, WIDTH)
    raise_on_signals()
    if unknown := set(only or ()) - set(NAMES):
        console.print(f"there is no run {', '.join(sorted(unknown))}: choose of {', '.join(NAMES)}")
        raise SystemExit(2)
    try:
        programs = find_programs()
    except ProgramsMissing as missing:
        console.print(str(missing), soft_wrap=True)
        raise SystemExit(2) from None
    try:
        runs = _runs(console, outputs, windows, concurrency, latency, only or NAMES)
        lines = _play(console, programs, runs)
    except StepFailed as failure:
        console.print(f"\n[bold red]Failed at: {failure.step}[/] ({failure.why})")
        if failure.log:
            console.print(f"[dim]The end of {failure.log}:[/]")
        console.print(failure.tail, markup=False, soft_wrap=True)
        raise SystemExit(1) from None
    except (ServerFailed, httpx.HTTPError) as failure:
        console.print(f"{type(failure).__name__}: {failure}", markup=False, soft_wrap=True)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        console.print("\nInterrupted. Everything that was started is stopped.")
        raise SystemExit(130) from None
    raise SystemExit(0 if all(line.clean for line in lines) else 1)


def _runs(
    console: Console, outputs: int, windows: int, concurrency: int, latency: float, names: Sequence[str]
) -> list[Run]:
    few = max(100, outputs // SMALL)
    with _step(console, f"Make {outputs:,} outputs and {few:,} outputs, to know what must be there"):
        truths = {count: truth_of(count) for count in (outputs, few)}

    def run(name: str, workers: int, count: int, pieces: int, killed: Killed | None = None) -> Run:
        return Run(
            name=name,
            workers=workers,
            outputs=count,
            windows=pieces,
            concurrency=concurrency,
            latency=latency,
            truth=truths[count],
            killed=killed,
        )

    known = (
        run("one-worker", 1, outputs, windows),
        run("two-workers", 2, outputs, windows),
        run("worker-killed", 2, outputs, windows, "worker"),
        run("task-killed", 2, few, FEW_WINDOWS, "task"),
    )
    return [each for each in known if each.name in names]


def _play(console: Console, programs: Programs, runs: list[Run]) -> list[Line]:
    shutil.rmtree(FOLDER, ignore_errors=True)
    logs, lines = FOLDER / "logs", []
    with contextlib.ExitStack() as running:
        with _step(console, "Start PostgreSQL, Redis, SeaweedFS and Airflow"):
            behind = running.enter_context(backends(programs, FOLDER / "redis", logs))
            store = running.enter_context(seaweedfs(FOLDER / "seaweedfs", bucket=BUCKET))
            airflow = running.enter_context(cluster(FOLDER / "airflow", ROOT, logs, behind))
        for run in runs:
            with _step(console, f"{run.name}: {run.outputs:,} outputs, {run.workers} workers"):
                lines.append(play(run, airflow, store, FOLDER))
            show(console, lines[-1:])
    show(console, lines)
    if all(line.clean for line in lines):
        # Gigabytes that nobody will look at any more.
        shutil.rmtree(FOLDER / "seaweedfs")
    return lines


@contextlib.contextmanager
def _step(console: Console, title: str) -> Iterator[None]:
    began = time.monotonic()
    console.print(f"{title} ...")
    yield
    console.print(f"  done in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    # A traceback of its own making would show the values of variables, passwords among them.
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
