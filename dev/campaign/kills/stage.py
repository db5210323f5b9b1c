"""The stage for kills and races: an S3 server, a simulated account, and one forked process per run."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from threading import Lock
from uuid import uuid4

import psutil

from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.archive.ports import ObjectStore
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.row_lifecycle import is_live

from ...local.s3_server import S3Server, seaweedfs
from .account import Account, Moment, account
from .child import PATIENCE_SECONDS, Command, Run, Step, enter
from .inspection import Seen, look

BUCKET = "archive"
AT_ONCE = 2
"""Number of cases tried in parallel."""
AHEAD = timedelta(hours=2)
PAUSE_SECONDS = 60.0
"""How long to wait for a run to pause itself."""
GRACE_SECONDS = 60.0
"""A run ends itself after `PATIENCE_SECONDS`. It is killed, and reported as hung, this much later."""
_EXIT_CODES = Lock()
"""multiprocessing reads the exit codes of all children when it starts one. Two threads that do so at once lose a code."""
LATE_IMPORTS = (
    "typer._adapters",
    "anyio._backends._asyncio",
    "pyarrow.dataset",
    "stablecog_provider.adapters.image_http",
    "stablecog_provider.adapters.object_store",
    "stablecog_provider.cli.app",
    "stablecog_provider.cli.refresh",
    "stablecog_provider.cli.rendering",
    "stablecog_provider.cli.reporting",
    "stablecog_provider.cli.run",
)
"""Modules that a run imports lazily. Preloaded, they save a third of the time of a run with a hundred images."""


class Story(StrEnum):
    """The history of an archive before a run.

    `FRESH`: empty. `GROWN`: it holds the young account, so there are outputs to add, tombstones to set and failures to retry.
    `MOVING`: as `GROWN`, and the account changes during the run.
    """

    FRESH = "fresh"
    GROWN = "grown"
    MOVING = "moving"


class RunFailed(Exception):
    """An undisturbed run ended with an unexpected result, or a run never ended."""


@dataclass(slots=True)
class Started:
    """A run in progress."""

    run: Run
    process: ForkServerProcess

    @property
    def pid(self) -> int:
        assert self.process.pid
        return self.process.pid

    def ended_within(self, seconds: float) -> bool:
        return bool(wait([self.process.sentinel], seconds))

    def exit_code(self, seconds: float = PATIENCE_SECONDS + GRACE_SECONDS) -> int:
        """Wait for the end and return the exit code (negative: the number of the signal that killed it).

        Raises RunFailed, after killing the run, if it takes more than `seconds`. A paused process, for one, ignores its alarm.
        """
        if not self.ended_within(seconds):
            self.signal(signal.SIGKILL)
            raise RunFailed(f"{self.run.layout} is still running after {seconds:.0f} s: {self.output()}")
        with _EXIT_CODES:
            code = self.process.exitcode
        assert code is not None
        return code

    def signal(self, number: int) -> None:
        """Signal the whole process group, or the process alone if it has not created its group yet."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def pauses(self) -> bool:
        """Wait until the run has paused itself or has ended, and return whether it is paused."""
        deadline = time.monotonic() + PAUSE_SECONDS
        while time.monotonic() < deadline and not self.ended_within(0.01):
            with contextlib.suppress(psutil.Error):
                if psutil.Process(self.pid).status() == psutil.STATUS_STOPPED:
                    return True
        return False

    def output(self) -> str:
        """Return the end of what the run printed, on one line."""
        return " ".join(self.run.log.read_text().split())[-1500:] if self.run.log.exists() else ""


@dataclass(frozen=True, slots=True)
class Stage:
    """Servers and processes, started once. Each case uses its own prefix, so no case disturbs another."""

    server: S3Server
    account: Account
    folder: Path
    forks: ForkServerContext
    store: ObjectStore
    name: str = field(default_factory=lambda: uuid4().hex[:8])

    def layout(self, case: str) -> Layout:
        return Layout(BUCKET, f"{self.name}/{case}")

    def start(
        self,
        layout: Layout,
        step: Step | None = None,
        *,
        number: int = signal.SIGKILL,
        ahead: bool = False,
        command: Command = Command.RUN,
    ) -> Started:
        run = Run(
            layout=layout,
            server=self.server,
            account=self.account,
            log=self.folder / f"{uuid4().hex}.log",
            step=step,
            number=number,
            ahead=AHEAD if ahead else timedelta(0),
            command=command,
        )
        process = self.forks.Process(target=enter, args=(run,))
        with _EXIT_CODES:
            process.start()
        return Started(run, process)

    def look(self, layout: Layout) -> Seen:
        return asyncio.run(look(self.store, layout))

    def undisturbed(self, layout: Layout, *, ahead: bool = False, expected: int = 0) -> Seen:
        """Run to the end and return what the archive holds. Raises RunFailed if the exit code is not `expected`."""
        started = self.start(layout, ahead=ahead)
        code = started.exit_code()
        if code != expected:
            raise RunFailed(f"{layout} ended with {code} instead of {expected}: {started.output()}")
        return self.look(layout)

    def archive_young(self, cases: Iterable[str]) -> None:
        """Archive the young account once per case. Some images fail in each."""
        self.account.go_to(Moment.YOUNG)
        with self.account.spoiled(), ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda case: self.undisturbed(self.layout(case), expected=3), cases))

    def truths(self, stories: Iterable[Story] = tuple(Story)) -> dict[Story, Seen]:
        """Return the result of each story without any disturbance, after checking it against the source itself."""
        truths: dict[Story, Seen] = {}
        for story in stories:
            case = f"truth-{story}"
            if story is not Story.FRESH:
                self.archive_young([case])
            self.account.go_to(Moment.GROWN)
            truths[story] = self.undisturbed(self.layout(case), ahead=story is not Story.FRESH)
            if story is Story.MOVING:
                self.account.go_to(Moment.LATER)
                truths[story] = self.undisturbed(self.layout(case), ahead=True)
            self._check(story, truths[story])
        return truths

    def _check(self, story: Story, truth: Seen) -> None:
        visible = set(self.account.visible())
        live = [row for row in truth.rows if is_live(row)]
        if {row.output_id for row in live} != visible or len(live) != len(visible):
            raise RunFailed(f"{story}: an undisturbed run does not hold the outputs of the source")
        bodies = self.account.images_at(row.source_url or "" for row in live)
        for row, body in zip(live, bodies, strict=True):
            if hashlib.sha256(body).hexdigest() != row.sha256:
                raise RunFailed(f"{story}: an undisturbed run holds different bytes than the source: {row.key}")


@contextlib.contextmanager
def stage(server: S3Server | None = None) -> Iterator[Stage]:
    """Start the stage and stop it when the block ends. A `server` that is passed in already runs, and stays up."""
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="campaign-")))
        server = server or held.enter_context(seaweedfs(folder / "seaweedfs", bucket=BUCKET))
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload([enter.__module__, *LATE_IMPORTS])
        store = S3ObjectStore(BUCKET, session=server.session(), endpoint_url=server.endpoint)
        yield Stage(server, held.enter_context(account(folder / "simulator.log")), folder, forks, store)
