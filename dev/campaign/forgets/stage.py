"""The stage for kills of a forget: a real S3 server, a bucket with versions, and one forked process per forget."""

from __future__ import annotations

import asyncio
import io
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq

from stablecog_provider.adapters.memory import FixedClock
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.ports import Ports
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.cli import main
from stablecog_provider.cli.context import CliContext
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.simulator.dialect import CURRENT
from stablecog_provider.simulator.world import World as SimulatedWorld

from ...local.s3_server import S3Server
from ..rig.simulated import Images, Source

BUCKET = "forgets"
OUTPUTS, DAYS = 30, 3
PATIENCE_SECONDS = 120
PRELOADED = (
    "stablecog_provider.adapters.assembly",
    "stablecog_provider.adapters.erasable_objects",
    "stablecog_provider.adapters.parquet_manifest",
    "stablecog_provider.adapters.network.store_network",
    "stablecog_provider.cli.app",
    "stablecog_provider.cli.forget",
    "stablecog_provider.cli.rendering",
    "stablecog_provider.cli.reporting",
)


def secret_of(output_id: str) -> str:
    """The word that only the prompt of this output has."""
    return f"quokka{output_id.replace('-', '')[:20]}"


class SecretSource(Source):
    """Gives each output a prompt with a word of its own."""

    def change(self, document: dict[str, Any]) -> None:
        for each in document["outputs"]:
            each["generation"]["prompt"] = {"id": each["id"], "text": f"a portrait of {secret_of(each['id'])}"}


@dataclass(frozen=True, slots=True)
class Forget:
    """A forget to start in a process of its own."""

    layout: Layout
    server: S3Server
    ids: tuple[str, ...]
    log: Path


def enter(forget: Forget) -> None:
    """Entry point of a forked process: forget, and exit with the command's exit code."""
    signal.alarm(PATIENCE_SECONDS)
    keys = {"AWS_ACCESS_KEY_ID": forget.server.access_key, "AWS_SECRET_ACCESS_KEY": forget.server.secret_key}
    os.environ.update(keys | {"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"})
    arguments = ["forget", "--json", "--debug", "--to", str(forget.layout), "--endpoint-url", forget.server.endpoint]
    arguments += [word for output_id in forget.ids for word in ("--id", output_id)]
    with forget.log.open("w") as log:
        code = main([*arguments, "--yes"], CliContext(environ={}, out=log, err=log))
    sys.exit(code)


@dataclass(slots=True)
class Archived:
    """An archived account of its own below its own prefix."""

    server: S3Server
    layout: Layout
    world: SimulatedWorld
    clock: FixedClock
    store: S3ObjectStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = S3ObjectStore(BUCKET, session=self.server.session(), endpoint_url=self.server.endpoint)

    async def run(self) -> RunReport:
        source = SecretSource(self.world, CURRENT, self.clock)
        manifest = ParquetManifest(self.store, self.layout)
        ports = Ports(source=source, images=Images(), store=self.store, manifest=manifest, clock=self.clock)
        return await archive(ports, ArchiveSettings(layout=self.layout))

    async def rows(self) -> dict[tuple[str, str], Row]:
        manifest = ParquetManifest(self.store, self.layout)
        return {row.key: row for day in await manifest.days() for row in (await manifest.load(day)).rows()}

    def everything(self) -> Iterator[tuple[str, bytes]]:
        """Yield the bytes of every version of every object, and what the columns of a Parquet file hold."""
        client = self.server.client()
        pages = client.get_paginator("list_object_versions").paginate(Bucket=BUCKET, Prefix=self.layout.key(""))
        for page in pages:
            for each in page.get("Versions", []):
                found = client.get_object(Bucket=BUCKET, Key=each["Key"], VersionId=each["VersionId"])
                body = found["Body"].read()
                yield each["Key"], body + repr(found["Metadata"]).encode()
                if body.startswith(b"PAR1"):
                    yield each["Key"], repr(pq.read_table(io.BytesIO(body)).to_pylist()).encode()


@dataclass(frozen=True, slots=True)
class Stage:
    """The server and the processes. Each case has its own prefix."""

    server: S3Server
    folder: Path
    forks: ForkServerContext
    name: str = field(default_factory=lambda: uuid4().hex[:8])

    async def archived(self, number: int, seed: int) -> Archived:
        """Archive an account in two runs, so that partitions have earlier versions."""
        world = SimulatedWorld.generate(seed=seed, outputs=OUTPUTS, days=DAYS, quiet=True, future=0)
        clock = FixedClock(world.present - timedelta(days=1))
        made = Archived(self.server, Layout(BUCKET, f"{self.name}/{number}"), world, clock)
        for _ in range(2):
            await made.run()
            clock.advance(timedelta(days=1, hours=1))
        assert (await made.run()).outcome == "proven"
        return made

    def forget(self, layout: Layout, ids: tuple[str, ...], dies_after: float | None = None) -> tuple[int, str]:
        """Forget in a process, killed after so many seconds. Returns its exit code and what it printed."""
        log = self.folder / f"{uuid4().hex}.log"
        process = self.forks.Process(target=enter, args=(Forget(layout, self.server, ids, log),))
        process.start()
        if not wait([process.sentinel], PATIENCE_SECONDS if dies_after is None else dies_after):
            process.kill()
        process.join()
        assert process.exitcode is not None
        return process.exitcode, log.read_text()[-1500:] if log.exists() else ""


async def staged(server: S3Server, folder: Path) -> Stage:
    """Create the bucket, with versions, and the processes' server."""
    client = server.client()

    def create() -> None:
        if BUCKET not in {each["Name"] for each in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=BUCKET)
            client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    await asyncio.to_thread(create)
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([enter.__module__, *PRELOADED])
    return Stage(server, folder, forks)
