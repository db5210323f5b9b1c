"""What an archive costs as it grows: memory and bytes of a backfill, then requests, seconds and memory of runs with nothing new.

`python -m benchmarks.growth [SIZE ...]` makes an archive of each size on SeaweedFS, then runs the real command on it: right
after (its last day is read again), after two days with nothing new, and after one more. Medians of three. Prints JSON, and the
table that `docs/performance.md` shows; `benchmarks.growth_plot` draws the JSON.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from demo.children import started
from demo.servers import S3Server, seaweedfs
from rich.console import Console
from rich.table import Table

from .growth_source import KEY, MOST
from .ports import free_port, wait_for

SIZES = (1_000, 10_000, 100_000, MOST)
BUCKET = "archive"
MIB = 1024 * 1024
COMMAND = Path(sys.executable).with_name("stablecog-archive")


@dataclass(frozen=True, slots=True)
class Backfill:
    """`resident`: bytes at each tenth. `peak`: the process's most. `written`, `final`: bytes of manifest."""

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
    """A run by the command line as a whole process. `seconds`: all of it, start of Python included; `peak` in bytes."""

    outputs: int
    when: str
    seconds: float
    cpu: float
    peak: int
    source_requests: int
    store_requests: int
    read: int


class Failed(Exception):
    """A process did not do what it should."""


def main(sizes: tuple[int, ...]) -> None:
    with tempfile.TemporaryDirectory(prefix="growth-") as folder, _stage(Path(folder)) as (address, server):
        backfills, idles = [], []
        for size in sizes:
            backfill, runs = _grown(address, server, size)
            backfills.append(backfill)
            idles += runs
            print(json.dumps(asdict(backfill)), flush=True)  # noqa: T201
            for run in runs:
                print(json.dumps(asdict(run)), flush=True)  # noqa: T201
    show(backfills, idles)


@contextmanager
def _stage(folder: Path) -> Iterator[tuple[str, S3Server]]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "benchmarks.growth_source", str(port)]
    with (
        started(command, folder / "source.log", os.environ) as child,
        seaweedfs(folder / "s3", bucket=BUCKET) as server,
    ):
        wait_for(port, child)
        yield address, server


def _grown(address: str, server: S3Server, size: int) -> tuple[Backfill, list[Idle]]:
    to = f"s3://{BUCKET}/grown-{size}"
    environ = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "STABLECOG_API_KEY": KEY,
    }
    _post(address, "outputs", size)
    arguments = [address, server.endpoint, to, str(size)]
    done = _ran([sys.executable, "-m", "benchmarks.growth_backfill", *arguments], environ)
    *tenths, closing = [json.loads(line) for line in done.out.splitlines()]
    if closing["outcome"] != "proven" or closing["copied"] != size:
        raise Failed(f"the backfill of {size} ended with {closing}")
    backfill = Backfill(
        size,
        done.seconds,
        done.peak,
        tuple(tenth["resident"] for tenth in tenths),
        closing["written"],
        closing["final"],
        closing["source_requests"],
        closing["store_requests"],
    )
    command = [str(COMMAND), "run", "--json", "--to", to, "--endpoint-url", server.endpoint, "--source", address]
    command += ["--image-host", address.removeprefix("http://")]
    runs = [_median(command, environ, size, "right after")]
    _post(address, "idle", 2)
    # Once: the next one has those two days behind it.
    runs.append(_idle(command, environ, size, "2 days later"))
    _post(address, "idle", 1)
    runs.append(_median(command, environ, size, "a day later still"))
    return backfill, runs


def _median(command: list[str], environ: Mapping[str, str], size: int, when: str) -> Idle:
    return sorted((_idle(command, environ, size, when) for _ in range(3)), key=lambda idle: idle.seconds)[1]


def _idle(command: list[str], environ: Mapping[str, str], size: int, when: str) -> Idle:
    done = _ran(command, environ)
    report = json.loads(done.out)
    if report["outcome"] != "proven" or report["copied"]:
        raise Failed(f"the run on {size} {when} ended with {report}")
    return Idle(
        size,
        when,
        done.seconds,
        done.cpu,
        done.peak,
        report["source_requests"],
        report["store_requests"],
        report["read"],
    )


@dataclass(frozen=True, slots=True)
class _Done:
    out: str
    seconds: float
    cpu: float
    peak: int


def _ran(command: list[str], environ: Mapping[str, str]) -> _Done:
    """A process from start to end, by the kernel's own account of it."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        child = subprocess.Popen(  # noqa: S603 - our own programs
            command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=dict(environ)
        )
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            raise
        seconds = time.monotonic() - began
        out.seek(0)
        err.seek(0)
        if os.waitstatus_to_exitcode(status):
            raise Failed(f"{command[:3]}: {err.read().decode(errors='replace')[-3000:]}{out.read().decode()[-2000:]}")
        # Linux counts the resident size in kB.
        return _Done(out.read().decode(), seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def _post(address: str, path: str, value: int) -> None:
    request = urllib.request.Request(f"{address}/{path}", data=str(value).encode(), method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - our own server
        pass


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
    main(tuple(int(size.replace(",", "").replace("_", "")) for size in sys.argv[1:]) or SIZES)
