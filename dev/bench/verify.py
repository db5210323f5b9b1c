"""Compares reading back all stored images: `verify --level content`, `rclone check --download`, `restic check --read-data`.

`python -m dev.bench.verify [--images N] [--rounds N]`. All are whole processes against the same SeaweedFS. rclone compares with a
local copy of the images, restic with its own repository, which holds the same images. A program that is not installed is skipped.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import shutil
import statistics
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.coverage import Axis
from stablecog_provider.model.manifest import Row, State
from stablecog_provider.model.object_keys import DIGEST_DIGITS, ImageKey, Layout, Rendition, day_of

from ..local.s3_server import S3Server, seaweedfs
from .exit_codes import exit_code, log
from .images import ImageSet
from .process_usage import Cost, run_whole
from .results import machine
from .stage import MIB

LAYOUT = Layout("archive", "stablecog")
PER_DAY = 500
NEWEST = datetime(2026, 11, 20, tzinfo=UTC)
AT_ONCE = 32
PASSWORD = "no-secret"  # noqa: S105 of a repository that lives for a minute
Command = tuple[list[str], dict[str, str]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.bench.verify", description="Compare reading back all images.")
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    return exit_code(lambda: _measure(arguments.images, arguments.rounds))


def _measure(count: int, rounds: int) -> None:
    table = Table("reads and compares every byte", "images/s", "MB/s", "CPU ms per image", "peak MiB")
    with tempfile.TemporaryDirectory(prefix="verify-benchmark-") as folder:
        root, output = Path(folder), Path(folder) / "log"
        images = ImageSet("small", count, 110_000)
        size = sum(images.write(root / "images").values())
        with seaweedfs(root / "data", bucket=LAYOUT.bucket) as server:
            asyncio.run(_archive(server, sorted((root / "images/small").iterdir())))
            contenders = _contenders(server, root)
            costs: dict[str, list[Cost]] = {name: [] for name in contenders}
            for number in range(rounds):
                for name, command in contenders.items():
                    if command:
                        costs[name].append(run_whole(*command, output))
                        log(f"round {number + 1}: {name}: {count / costs[name][-1].wall:.0f} images/s")
    for name, found in costs.items():
        table.add_row(name, *_figures(found, count, size))
    console = Console(width=110)
    console.print(machine())
    console.print(f"{count:,} images of 110 kB, median of {rounds} rounds")
    console.print(table)


def _figures(found: list[Cost], count: int, size: int) -> list[str]:
    if not found:
        return ["not installed", "-", "-", "-"]
    wall, cpu = (statistics.median(getattr(cost, name) for cost in found) for name in ("wall", "cpu"))
    peak = statistics.median(cost.peak for cost in found)
    return [f"{count / wall:,.0f}", f"{size / wall / 1e6:,.0f}", f"{1000 * cpu / count:.2f}", f"{peak / MIB:,.0f}"]


async def _archive(server: S3Server, paths: list[Path]) -> None:
    """Store the images with their rows, as a run would."""
    store = S3ObjectStore(LAYOUT.bucket, session=server.session(), endpoint_url=server.endpoint)
    manifest, slots = ParquetManifest(store, LAYOUT), asyncio.Semaphore(AT_ONCE)

    async def stored(number: int, path: Path) -> Row:
        body = await asyncio.to_thread(path.read_bytes)
        at, digest = NEWEST - timedelta(days=number // PER_DAY), hashlib.sha256(body).hexdigest()
        key = LAYOUT.image(ImageKey(day_of(at), path.stem, Rendition.ORIGINAL, digest[:DIGEST_DIGITS], "jpeg"))
        async with slots:
            await store.put(key, body, content_type="image/jpeg")
        fixity = {"uri": LAYOUT.uri(key), "sha256": digest, "content_type": "image/jpeg", "bytes": len(body)}
        seen = {
            "created_at": at,
            "archived_at": at,
            "first_seen_at": at,
            "last_seen_at": at,
            "run_id": "r",
            "raw": "{}",
        }
        return Row(output_id=path.stem, rendition="original", state=State.ARCHIVED, **fixity, **seen)  # type: ignore[arg-type]

    rows = await asyncio.gather(*(stored(number, path) for number, path in enumerate(paths)))
    summaries = {}
    for at in range(0, len(rows), PER_DAY):
        day = day_of(rows[at].created_at)
        summaries[day] = (await manifest.merge(day, rows[at : at + PER_DAY])).summary()
    saved = Checkpoint(source="https://none", axis=Axis.COMPLETED, partitions=summaries, saved_at=NEWEST)
    await store.put(LAYOUT.checkpoint, saved.to_json(), content_type="application/json")


def _contenders(server: S3Server, root: Path) -> dict[str, Command | None]:
    keys = {
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": "us-east-1",
    }
    plain = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(root), "AWS_EC2_METADATA_DISABLED": "true", **keys}
    ours = [sys.executable, "-c", "from stablecog_provider.cli import script; script()", "verify", "--json"]
    ours += ["--to", str(LAYOUT), "--endpoint-url", server.endpoint]
    inherited = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    return {
        "stablecog-archive verify": (ours, plain | inherited),
        "rclone check --download": _rclone(server, root, plain),
        "restic check --read-data": _restic(server, root, plain),
    }


def _rclone(server: S3Server, root: Path, plain: dict[str, str]) -> Command | None:
    program = program_beside("rclone")
    if program is None:
        return None
    remote = {
        "TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": server.endpoint, "REGION": "us-east-1",
        "ACCESS_KEY_ID": server.access_key, "SECRET_ACCESS_KEY": server.secret_key,
    }  # fmt: skip
    environ = plain | {
        "RCLONE_CONFIG": "/dev/null",
        **{f"RCLONE_CONFIG_SINK_{name}": each for name, each in remote.items()},
    }
    copied = root / "copied"
    to = f"sink:{LAYOUT.bucket}/{LAYOUT.images}"
    run_whole([program, "copy", to, str(copied), "--transfers", str(AT_ONCE)], environ, root / "log")
    return [program, "check", "--download", str(copied), to, "--checkers", str(AT_ONCE)], environ


def _restic(server: S3Server, root: Path, plain: dict[str, str]) -> Command | None:
    program = program_beside("restic")
    if program is None:
        return None
    environ = plain | {"RESTIC_PASSWORD": PASSWORD, "RESTIC_REPOSITORY": f"s3:{server.endpoint}/{LAYOUT.bucket}/restic"}
    for arguments in (["init"], ["backup", str(root / "images")]):
        run_whole([program, *arguments, "--no-cache"], environ, root / "log")
    return [program, "check", "--read-data", "--no-cache"], environ


def program_beside(name: str) -> str | None:
    """Return the program beside our interpreter, where `make bench` installs it, or on the PATH."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)


if __name__ == "__main__":
    sys.exit(main())
