"""Measures what the archive adds to copying: listing, manifest, checkpoint and proof of 20,000 outputs, in whole processes.

`python -m dev.bench.end_to_end [--outputs N] [--rounds N]` runs our transfer layer alone, then `stablecog-archive run` over
the same images. The listing comes from `growth_source`, the images from nginx (2,000 files of 110 kB), and both write to
SeaweedFS.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from rich.console import Console
from rich.table import Table

from stablecog_provider.adapters import event_loop
from stablecog_provider.adapters.garbage import rarely_collected
from stablecog_provider.adapters.image_http import HttpImages
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.adapters.process_exit import wait_for_threads_at_exit
from stablecog_provider.archive.copying.transfer import CopyJob, Transfer
from stablecog_provider.model.object_keys import Layout, Rendition

from ..local.s3_server import seaweedfs
from .copy import SMALL
from .exit_codes import exit_code
from .process_usage import Cost, RunFailed, run_whole
from .results import machine
from .servers import serving
from .stage import BUCKET, MIB, account, environ, run_command, set_account


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m dev.bench.end_to_end", description="Compare the archive with copying alone."
    )
    parser.add_argument("--outputs", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    return exit_code(lambda: _measure(arguments.outputs, arguments.rounds))


def _measure(outputs: int, rounds: int) -> None:
    table = Table("round", "copying alone, s", "archive, s", "ratio", "copying CPU s", "archive CPU s", "archive MiB")
    with tempfile.TemporaryDirectory(prefix="end-to-end-") as folder, serving(Path(folder)) as ends:
        SMALL.write(ends.images)
        images = f"{ends.origin}/{SMALL.name}"
        for number in range(rounds):
            copying, archive = _round(Path(folder) / str(number), images, outputs)
            table.add_row(
                str(number + 1),
                f"{copying.wall:.1f}",
                f"{archive.wall:.1f}",
                f"{archive.wall / copying.wall:.2f}",
                f"{copying.cpu:.1f}",
                f"{archive.cpu:.1f}",
                f"{archive.peak / MIB:.0f}",
            )
    console = Console(width=110)
    console.print(machine())
    console.print(f"{outputs:,} outputs, images of {SMALL.mean // 1000} kB")
    console.print(table)


def _round(folder: Path, images: str, outputs: int) -> tuple[Cost, Cost]:
    """Run both, each with an empty store that is removed at the end, because it holds gigabytes."""
    folder.mkdir()
    jobs, log, stdout = folder / "jobs.txt", folder / "log", folder / "stdout"
    jobs.write_text("".join(f"{images}/{number % SMALL.count:05}.jpeg,{number}\n" for number in range(outputs)))
    with tempfile.TemporaryDirectory(dir=folder) as data, seaweedfs(Path(data), bucket=BUCKET) as server:
        command = [sys.executable, "-m", __spec__.name, "--only-copy", str(jobs), server.endpoint]
        copying = run_whole(command, environ(server), log)
    with (
        tempfile.TemporaryDirectory(dir=folder) as data,
        seaweedfs(Path(data), bucket=BUCKET) as server,
        account(folder / "source.log", images, str(SMALL.count)) as address,
    ):
        set_account(address, "outputs", outputs)
        hosts = (urlsplit(address).netloc, urlsplit(images).netloc)
        archive = run_whole(
            run_command(f"s3://{BUCKET}/whole", server, address, *hosts), environ(server), log, stdout=stdout
        )
    report = json.loads(stdout.read_text())
    if report["outcome"] != "proven" or report["copied"] != outputs:
        raise RunFailed(f"the run ended with {report}")
    return copying, archive


async def _copied(lines: list[str], endpoint: str) -> None:
    jobs = [line.split(",") for line in lines]
    store = S3ObjectStore(BUCKET, session=boto3.Session(), endpoint_url=endpoint)
    async with HttpImages(sorted({urlsplit(url).netloc for url, _ in jobs})) as images, asyncio.TaskGroup() as group:
        transfer = Transfer(images, store, Layout(BUCKET, "copies"))
        for url, name in jobs:
            group.create_task(transfer.copy(CopyJob(name, Rendition.ORIGINAL, date(2026, 11, 21), url)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--only-copy"]:
        wait_for_threads_at_exit()
        with rarely_collected():
            event_loop.run(_copied(Path(sys.argv[2]).read_text().split(), sys.argv[3]))
    else:
        sys.exit(main())
