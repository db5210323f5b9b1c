"""What the archive adds to the copying alone: listing, manifest, checkpoint and proof of 20,000 outputs, in whole processes.

`python -m benchmarks.end_to_end [--outputs N] [--rounds N]`. The listing comes from `growth_source`, the images from nginx (2,000
files of 110 kB for all), both go to SeaweedFS. In turn: our transfer layer alone over the same images, then the command
`stablecog-archive run`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import urllib.request
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from demo.children import started
from demo.servers import S3Server, seaweedfs
from rich.console import Console
from rich.table import Table

from stablecog_provider.adapters import event_loop
from stablecog_provider.adapters.image_http import HttpImages
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.archive.transfer import CopyJob, Transfer
from stablecog_provider.model.object_keys import Layout, Rendition

from .copy import SMALL
from .growth_source import KEY
from .measured import Cost, run_whole
from .ports import free_port, wait_for
from .results import machine
from .servers import Missing, serving

BUCKET = "archive"
COMMAND = Path(sys.executable).with_name("stablecog-archive")
MIB = 1024 * 1024


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.end_to_end", description="The archive against copying.")
    parser.add_argument("--outputs", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    table = Table("round", "copying alone, s", "archive, s", "ratio", "copying CPU s", "archive CPU s", "archive MiB")
    try:
        with tempfile.TemporaryDirectory(prefix="end-to-end-") as folder, serving(Path(folder)) as ends:
            SMALL.write(ends.images)
            images = f"{ends.origin}/{SMALL.name}"
            for number in range(asked.rounds):
                copying, archive = _round(Path(folder) / str(number), images, asked.outputs)
                table.add_row(
                    str(number + 1),
                    f"{copying.wall:.1f}",
                    f"{archive.wall:.1f}",
                    f"{archive.wall / copying.wall:.2f}",
                    f"{copying.cpu:.1f}",
                    f"{archive.cpu:.1f}",
                    f"{archive.peak / MIB:.0f}",
                )
    except Missing as error:
        sys.stderr.write(f"{error}\n")
        return 2
    console = Console(width=110)
    console.print(machine())
    console.print(f"{asked.outputs:,} outputs, images of {SMALL.mean // 1000} kB")
    console.print(table)
    return 0


def _round(folder: Path, images: str, outputs: int) -> tuple[Cost, Cost]:
    """Both into a store of their own, empty at the start; gone at the end, for the bytes are many."""
    folder.mkdir()
    jobs, log = folder / "jobs.txt", folder / "log"
    jobs.write_text("".join(f"{images}/{number % SMALL.count:05}.jpeg,{number}\n" for number in range(outputs)))
    with tempfile.TemporaryDirectory(dir=folder) as data, seaweedfs(Path(data), bucket=BUCKET) as server:
        command = [sys.executable, "-m", __spec__.name, "--only-copy", str(jobs), server.endpoint]
        copying = run_whole(command, _environ(server), log)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    source = [sys.executable, "-m", "benchmarks.growth_source", str(port), images, str(SMALL.count)]
    with (
        tempfile.TemporaryDirectory(dir=folder) as data,
        seaweedfs(Path(data), bucket=BUCKET) as server,
        started(source, folder / "source.log", os.environ) as child,
    ):
        wait_for(port, child)
        request = urllib.request.Request(f"{address}/outputs", data=str(outputs).encode())  # noqa: S310
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - our own server
        command = [str(COMMAND), "run", "--json", "--to", f"s3://{BUCKET}/whole", "--endpoint-url", server.endpoint]
        command += ["--source", address, "--image-host", f"127.0.0.1:{port}", "--image-host", urlsplit(images).netloc]
        archive = run_whole(command, _environ(server), log)
        report = json.loads(log.read_text())
        if report["outcome"] != "proven" or report["copied"] != outputs:
            raise SystemExit(f"the run ended with {report}")
    return copying, archive


def _environ(server: S3Server) -> dict[str, str]:
    return {
        **os.environ,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "STABLECOG_API_KEY": KEY,
    }


async def _copied(lines: list[str], endpoint: str) -> None:
    jobs = [line.split(",") for line in lines]
    store = S3ObjectStore(BUCKET, session=boto3.Session(), endpoint_url=endpoint)
    async with HttpImages(sorted({urlsplit(url).netloc for url, _ in jobs})) as images, asyncio.TaskGroup() as group:
        transfer = Transfer(images, store, Layout(BUCKET, "copies"))
        for url, name in jobs:
            group.create_task(transfer.copy(CopyJob(name, Rendition.ORIGINAL, date(2026, 11, 21), url)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--only-copy"]:
        event_loop.run(_copied(Path(sys.argv[2]).read_text().split(), sys.argv[3]))
    else:
        sys.exit(main())
