"""Measures how costs grow with the archive: a backfill, then runs with nothing new.

`python -m dev.bench.growth [SIZE ...]` creates an archive of each size on SeaweedFS. It then runs the real command: right
after the backfill (the last day is read again), after two days with nothing new, and one day later. It takes medians of three
and prints JSON, which `dev.bench.growth_plot` draws, and the table of `docs/performance.md`.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ..local.s3_server import S3Server, seaweedfs
from .exit_codes import exit_code
from .growth_source import MOST
from .process_usage import RunFailed, run_whole
from .stage import BUCKET, MIB, account, environ, run_command, set_account

SIZES = (1_000, 10_000, 100_000, MOST)
LONGEST_BACKFILL = 3 * 3600.0


@dataclass(frozen=True, slots=True)
class Backfill:
    """`resident`: bytes of memory at each tenth. `peak`: maximum of the process. `written`, `final`: bytes of manifest."""

    outputs: int
    seconds: float
    peak: int
    resident: tuple[int, ...]
    written: int
    final: int
    source_requests: int
    store_requests: int


@dataclass(frozen=True, slots=True)
class Idle:
    """A run by the command line, as a whole process. `seconds` includes the start of Python; `peak` is in bytes."""

    outputs: int
    when: str
    seconds: float
    cpu: float
    peak: int
    source_requests: int
    store_requests: int
    read: int


def main() -> int:
    sizes = tuple(int(size.replace(",", "").replace("_", "")) for size in sys.argv[1:]) or SIZES
    return exit_code(lambda: _measure(sizes))


def _measure(sizes: tuple[int, ...]) -> None:
    backfills: list[Backfill] = []
    idles: list[Idle] = []
    with tempfile.TemporaryDirectory(prefix="growth-") as name:
        folder = Path(name)
        with account(folder / "source.log") as address, seaweedfs(folder / "s3", bucket=BUCKET) as server:
            for size in sizes:
                backfill, runs = _measure_size(folder, address, server, size)
                backfills.append(backfill)
                idles += runs
                for found in (asdict(backfill), *map(asdict, runs)):
                    print(json.dumps(found), flush=True)  # noqa: T201
    show(backfills, idles)


def _measure_size(folder: Path, address: str, server: S3Server, size: int) -> tuple[Backfill, list[Idle]]:
    to = f"s3://{BUCKET}/grown-{size}"
    set_account(address, "outputs", size)
    backfill = _backfill(folder, address, server, to, size)
    command = run_command(to, server, address, address.removeprefix("http://"))

    def idle(when: str) -> Idle:
        return _idle(folder, command, environ(server), size, when)

    runs = [_median(idle, "right after")]
    set_account(address, "idle", 2)
    # Only once: this run covers the two days.
    runs.append(idle("2 days later"))
    set_account(address, "idle", 1)
    runs.append(_median(idle, "a day later still"))
    return backfill, runs


def _backfill(folder: Path, address: str, server: S3Server, to: str, size: int) -> Backfill:
    command = [sys.executable, "-m", "dev.bench.growth_backfill", address, server.endpoint, to, str(size)]
    stdout = folder / "stdout"
    cost = run_whole(command, environ(server), folder / "log", stdout=stdout, longest=LONGEST_BACKFILL)
    *tenths, closing = [json.loads(line) for line in stdout.read_text().splitlines()]
    if closing["outcome"] != "proven" or closing["copied"] != size:
        raise RunFailed(f"the backfill of {size} ended with {closing}")
    return Backfill(
        size,
        cost.wall,
        cost.peak,
        tuple(tenth["resident"] for tenth in tenths),
        closing["written"],
        closing["final"],
        closing["source_requests"],
        closing["store_requests"],
    )


def _median(idle: Callable[[str], Idle], when: str) -> Idle:
    return sorted((idle(when) for _ in range(3)), key=lambda each: each.seconds)[1]


def _idle(folder: Path, command: list[str], environ: Mapping[str, str], size: int, when: str) -> Idle:
    stdout = folder / "stdout"
    cost = run_whole(command, environ, folder / "log", stdout=stdout)
    report = json.loads(stdout.read_text())
    if report["outcome"] != "proven" or report["copied"]:
        raise RunFailed(f"the run on {size} {when} ended with {report}")
    return Idle(
        size,
        when,
        cost.wall,
        cost.cpu,
        cost.peak,
        report["source_requests"],
        report["store_requests"],
        report["read"],
    )


def show(backfills: list[Backfill], idles: list[Idle]) -> None:
    console = Console(width=130)
    table = Table(
        "backfill of", "seconds", "rows/s", "peak MiB", "MiB at each tenth", "manifest MiB", "written", "API", "S3"
    )
    for each in backfills:
        tenths = " ".join(f"{resident / MIB:.0f}" for resident in each.resident)
        table.add_row(
            f"{each.outputs:,}",
            f"{each.seconds:.0f}",
            f"{each.outputs / each.seconds:,.0f}",
            f"{each.peak / MIB:.0f}",
            tenths,
            f"{each.final / MIB:.1f}",
            f"{each.written / each.final:.2f} x",
            f"{each.source_requests:,}",
            f"{each.store_requests:,}",
        )
    console.print(table)
    table = Table("run with nothing new on", "when", "seconds", "CPU s", "peak MiB", "API", "S3", "outputs read again")
    for idle in idles:
        table.add_row(
            f"{idle.outputs:,}",
            idle.when,
            f"{idle.seconds:.2f}",
            f"{idle.cpu:.2f}",
            f"{idle.peak / MIB:.0f}",
            str(idle.source_requests),
            str(idle.store_requests),
            f"{idle.read:,}",
        )
    console.print(table)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    console.print(f"the benchmark itself: {usage.ru_utime + usage.ru_stime:.0f} s CPU", style="dim")


if __name__ == "__main__":
    sys.exit(main())
