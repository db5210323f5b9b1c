"""`python -m dev.e2e`: the backfill on Airflow with PostgreSQL, Redis and Celery workers, on loopback.

It runs with one worker, with two, with a worker killed, with a task killed, and with a worker killed that has received a task
and not begun it. Then outputs arrive while a sensor waits in the triggerer, which is killed; other DAGs, links, metrics and
lineage are looked at. It prints a table, and exits with 1 if anything was lost, doubled, corrupt, not proven, or not as it
should be. Everything that it starts is stopped at the end, also on failure and on Ctrl-C. Logs stay under `.e2e/`.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from ..local.children import StepFailed, raise_on_signals
from ..local.s3_server import HOST, ServerFailed, seaweedfs
from .account import truth_of
from .arrivals import PREFIX, Arrivals, play_arrivals
from .backends import backends
from .bucket import BUCKET
from .cluster import cluster
from .programs import Programs, ProgramsMissing, find_programs
from .runs import Killed, Line, Run, play
from .show import show, show_arrivals
from .signals import Metrics, statsd

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".e2e"
ARRIVALS = "arrivals"
NAMES = ("one-worker", "two-workers", "worker-killed", "task-killed", "message-in-hand", ARRIVALS)
WIDTH = 150
SMALL, FEW_WINDOWS = 10, 4
"""The run with a killed task uses an account that is `SMALL` times smaller, in few windows."""


def main(
    outputs: Annotated[int, typer.Option(min=100, help="Outputs of the account.")] = 20_000,
    windows: Annotated[int, typer.Option(min=2, help="Number of windows to plan.")] = 24,
    concurrency: Annotated[int, typer.Option(min=1, help="Images that each window copies in parallel.")] = 2,
    latency: Annotated[float, typer.Option(min=0, help="Seconds that each response of the source takes.")] = 0.05,
    only: Annotated[list[str] | None, typer.Option(help=f"Run only these: {', '.join(NAMES)}.")] = None,
) -> None:
    console = Console(highlight=False)
    # Do not fold the table if it is piped into a file.
    console.width = max(console.width, WIDTH)
    raise_on_signals()
    if unknown := set(only or ()) - set(NAMES):
        console.print(f"unknown run: {', '.join(sorted(unknown))}. Choose from {', '.join(NAMES)}.")
        raise SystemExit(2)
    try:
        programs = find_programs()
    except ProgramsMissing as missing:
        console.print(str(missing), soft_wrap=True)
        raise SystemExit(2) from None
    try:
        runs = _runs(console, outputs, windows, concurrency, latency, only or NAMES)
        lines, arrivals = _play(console, programs, runs, with_arrivals=ARRIVALS in (only or NAMES))
    except StepFailed as failure:
        console.print(f"\n[bold red]Failed at: {failure.step}[/] ({failure.why})")
        if failure.log:
            console.print(f"[dim]Last lines of {failure.log}:[/]")
        console.print(failure.tail, markup=False, soft_wrap=True)
        raise SystemExit(1) from None
    except (ServerFailed, httpx.HTTPError) as failure:
        console.print(f"{type(failure).__name__}: {failure}", markup=False, soft_wrap=True)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        console.print("\nInterrupted. Everything that was started is stopped.")
        raise SystemExit(130) from None
    raise SystemExit(0 if all(line.clean for line in lines) and not arrivals.faults else 1)


def _runs(
    console: Console, outputs: int, windows: int, concurrency: int, latency: float, names: Sequence[str]
) -> list[Run]:
    few = max(100, outputs // SMALL)
    with _step(console, f"Compute {outputs:,} and {few:,} outputs, as the expected result"):
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
        run("message-in-hand", 2, few, FEW_WINDOWS, "message"),
    )
    return [each for each in known if each.name in names]


def _play(console: Console, programs: Programs, runs: list[Run], *, with_arrivals: bool) -> tuple[list[Line], Arrivals]:
    shutil.rmtree(FOLDER, ignore_errors=True)
    logs, lines, arrivals, lineage = FOLDER / "logs", list[Line](), Arrivals(), FOLDER / "lineage.jsonl"
    with contextlib.ExitStack() as running:
        with _step(console, "Start PostgreSQL, Redis, SeaweedFS and Airflow"):
            servers = running.enter_context(backends(programs, FOLDER / "redis", logs))
            store = running.enter_context(seaweedfs(FOLDER / "seaweedfs", bucket=BUCKET))
            metrics = running.enter_context(statsd())
            airflow = running.enter_context(
                cluster(FOLDER / "airflow", ROOT, logs, servers, _surroundings(metrics, lineage))
            )
        for run in runs:
            with _step(console, f"{run.name}: {run.outputs:,} outputs, {run.workers} workers"):
                lines.append(play(run, airflow, store, FOLDER))
            show(console, lines[-1:])
        if with_arrivals:
            with _step(
                console, f"{ARRIVALS}: a sensor in the triggerer, which is killed, and what others see of a run"
            ):
                arrivals = play_arrivals(airflow, store, logs, metrics, lineage, ROOT / "tests/support/openlineage")
    show(console, lines)
    show_arrivals(console, arrivals)
    if all(line.clean for line in lines):
        # Gigabytes that nobody needs any more.
        shutil.rmtree(FOLDER / "seaweedfs")
    return lines, arrivals


def _surroundings(metrics: Metrics, lineage: Path) -> dict[str, str]:
    """Environment variables: the archive of the Dags that have no params, and where metrics and lineage go."""
    transport = {"type": "file", "log_file_path": str(lineage), "append": True}
    return {
        "STABLECOG_ARCHIVE_BUCKET": BUCKET,
        "STABLECOG_ARCHIVE_PREFIX": PREFIX,
        "STABLECOG_DUCKDB": str(FOLDER / "changed.duckdb"),
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_HOST": HOST,
        "AIRFLOW__METRICS__STATSD_PORT": str(metrics.port),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
    }


@contextlib.contextmanager
def _step(console: Console, title: str) -> Iterator[None]:
    began = time.monotonic()
    console.print(f"{title} ...")
    yield
    console.print(f"  done in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    # Typer's own tracebacks show the values of variables, including passwords.
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
