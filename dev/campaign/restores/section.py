"""Restores: SIGKILL at any instant, often several in a row, then the same command to the end; and hostile conditions.

While a restore is dead, every file that is there must be whole, and a copy must claim nothing that it does not hold. In the end,
all must be as after a restore that nobody disturbed.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from pathlib import Path
from random import Random
from uuid import uuid4

from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.model.object_keys import Layout

from ...local.s3_server import S3Server, seaweedfs
from ..rig.tally import Section, Tally
from .archive import Tree, false_claims, files, objects, write
from .child import PATIENCE_SECONDS, Order, enter
from .hostile import try_conditions

BUCKET = "archive"
KILLS_A_CASE = (1, 2, 3)
IMPORTED = (
    "PIL.JpegImagePlugin",
    "stablecog_provider.adapters.local_folder",
    "stablecog_provider.adapters.object_store",
    "stablecog_provider.adapters.parquet_manifest",
    "stablecog_provider.adapters.pillow_thumbnails",
    "stablecog_provider.archive.restore",
    "stablecog_provider.cli.app",
    "stablecog_provider.cli.rendering",
    "stablecog_provider.cli.reporting",
    "stablecog_provider.cli.restore",
)
"""Preloaded by the fork server, so that a kill meets a restore and not its imports."""


class RestoreFailed(Exception):
    """A restore that nobody disturbed ended otherwise than with exit code 0, or never."""


@dataclass(frozen=True, slots=True)
class Stage:
    """An S3 server with one archive. `name`: the prefix of everything that this campaign writes."""

    server: S3Server
    folder: Path
    forks: ForkServerContext
    store: S3ObjectStore
    name: str

    @property
    def archive(self) -> Layout:
        return Layout(BUCKET, f"{self.name}/archive")

    def place(self, case: str) -> Layout:
        return Layout(BUCKET, f"{self.name}/{case}")

    def restore(self, case: str, *, into: bool, dies_after: float | None = None) -> tuple[int, float, str]:
        """Restore, and kill it after so many seconds. Return exit code, seconds, and the end of its output."""
        where = ("--into", str(self.place(case))) if into else ("--to-folder", str(self.folder / case))
        options = () if into else ("--sidecars", "--contact-sheet")
        log = self.folder / f"{uuid4().hex}.log"
        order = Order(("--from", str(self.archive), *where, *options), self.server, log)
        process = self.forks.Process(target=enter, args=(order,))
        began = time.monotonic()
        process.start()
        if not wait([process.sentinel], dies_after if dies_after is not None else 2 * PATIENCE_SECONDS):
            process.kill()
        process.join(PATIENCE_SECONDS)
        seconds = time.monotonic() - began
        assert process.exitcode is not None
        output = " ".join(log.read_text(errors="replace").split())[-1000:] if log.exists() else ""
        return process.exitcode, seconds, output

    def look(self, case: str, *, into: bool) -> Tree:
        return asyncio.run(objects(self.store, self.place(case))) if into else files(self.folder / case)


@contextlib.contextmanager
def stage(random: Random, server: S3Server | None = None) -> Iterator[Stage]:
    """Start a server, unless one is passed in, and write the archive."""
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="campaign-")))
        server = server or held.enter_context(seaweedfs(folder / "seaweedfs", bucket=BUCKET))
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload([enter.__module__, *IMPORTED])
        store = S3ObjectStore(BUCKET, session=server.session(), endpoint_url=server.endpoint)
        running = Stage(server, folder, forks, store, f"restores-{uuid4().hex[:8]}")
        asyncio.run(write(store, running.archive, random))
        yield running


@dataclass(slots=True)
class Kills:
    """Kills on one stage. `truths`: what each kind of restore ends with; `seconds`: how long it takes undisturbed."""

    stage: Stage
    tally: Tally
    truths: dict[bool, Tree]
    seconds: dict[bool, float]

    @classmethod
    def on(cls, stage: Stage) -> Kills:
        kills = cls(stage, Tally("restores", "SIGKILLs"), {}, {})
        for into in (False, True):
            # The first one warms the fork server up.
            for case in ("warm", "truth"):
                code, seconds, output = stage.restore(f"{case}-{into}", into=into)
                if code:
                    raise RestoreFailed(f"an undisturbed restore ended with {code}: {output}")
                kills.seconds[into] = seconds
            kills.truths[into] = stage.look(f"truth-{into}", into=into)
        return kills

    def run(self, random: Random, size: int) -> None:
        """Kill until there have been `size` kills."""
        number = 0
        while self.tally.tried < size:
            self.play(f"case-{number}", random, into=number % 3 == 2)
            number += 1
        self.tally.notes.append(f"{number} restores killed and then repeated, a third of them into another archive")

    def play(self, case: str, random: Random, *, into: bool) -> None:
        for _ in range(random.choice(KILLS_A_CASE)):
            after = random.uniform(0.0, self.seconds[into])
            code, _, output = self.stage.restore(case, into=into, dies_after=after)
            self.tally.tried += code == -signal.SIGKILL
            if code not in (0, -signal.SIGKILL):
                self.tally.faults.append(f"{case}: killed after {after:.3f} s, it ended with {code}: {output}")
            self._judge_dead(case, into=into)
        code, _, output = self.stage.restore(case, into=into)
        if code:
            self.tally.faults.append(f"{case}: the last restore ended with {code}: {output}")
        self._judge_end(case, into=into)

    def _judge_dead(self, case: str, *, into: bool) -> None:
        truth, found = self.truths[into], self.stage.look(case, into=into)
        if into:
            self.tally.faults += asyncio.run(false_claims(self.stage.store, self.stage.place(case)))
        broken = [
            name
            for name, body in found.items()
            if (name not in truth or body != truth[name]) and not (into and name == "checkpoint")
        ]
        self.tally.corrupt += len(broken)
        self.tally.faults += [f"{case}: {name} is not whole while the restore is dead" for name in broken[:3]]

    def _judge_end(self, case: str, *, into: bool) -> None:
        truth, found = self.truths[into], self.stage.look(case, into=into)
        self.tally.lost += len(truth.keys() - found.keys())
        self.tally.doubled += len(found.keys() - truth.keys())
        self.tally.corrupt += sum(found[name] != truth[name] for name in found.keys() & truth.keys())
        left = [] if into else [path.name for path in (self.stage.folder / case).iterdir() if path.name.startswith(".")]
        if found != truth or left:
            odd = sorted(name for name in {*found, *truth} if found.get(name) != truth.get(name))
            self.tally.faults.append(f"{case}: differs from an undisturbed restore: {odd[:3]}, left behind: {left}")


def restores(random: Random, size: int, server: S3Server | None = None) -> list[Tally]:
    with stage(random, server) as started:
        kills = Kills.on(started)
        kills.run(random, size)
        return [kills.tally, try_conditions(started.server, started.archive, started.folder)]


async def run(random: Random, size: int) -> list[Tally]:
    return await asyncio.to_thread(restores, random, size)


SECTION = Section("restores", run, full=60, slice=2)
