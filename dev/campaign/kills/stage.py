"""Where runs are killed and raced: an S3 server, a simulated account, and processes forked for one run each."""

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

import psutil  # type: ignore[import-untyped]

from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.archive.ports import ObjectStore
from stablecog_provider.model.manifest import is_live
from stablecog_provider.model.object_keys import Layout

from ...local.s3_server import S3Server, seaweedfs
from .account import Account, Moment, account
from .child import Run, Step, enter
from .inspection import Seen, look

BUCKET = "archive"
AT_ONCE = 2
"""Cases tried at the same time."""
AHEAD = timedelta(hours=2)
STOP_SECONDS = 60.0
_CHILDREN = Lock()
"""An exit code can be read once. Who starts a process reads those of all others, too, and of two threads one gets none."""
IMPORTED_LATE = (
    "typer._adapters",
    "anyio._backends._asyncio",
    "pyarrow.dataset",
    "stablecog_provider.adapters.image_http",
    "stablecog_provider.adapters.object_store",
    "stablecog_provider.cli.app",
    "stablecog_provider.cli.rendering",
    "stablecog_provider.cli.reporting",
    "stablecog_provider.cli.run",
)
"""What a run imports when it needs it: a third of its time, where it has but a hundred images."""


class Story(StrEnum):
    """What an archive has behind it: nothing (`FRESH`); the young account, so that there are outputs to add, tombstones to
    set and failures to retry (`GROWN`); the same, and the account goes on meanwhile (`MOVING`).
    """

    FRESH = "fresh"
    GROWN = "grown"
    MOVING = "moving"


class RunFailed(Exception):
    """A run that nothing disturbed did not end as it should."""


@dataclass(slots=True)
class Started:
    """A run on its way."""

    run: Run
    process: ForkServerProcess

    @property
    def pid(self) -> int:
        assert self.process.pid
        return self.process.pid

    def end(self, seconds: float | None = None) -> int | None:
        """Its exit code (negative: the signal that killed it); None where it is still at work after so many seconds."""
        if not wait([self.process.sentinel], seconds):
            return None
        with _CHILDREN:
            return self.process.exitcode

    def signal(self, number: int) -> None:
        """To the whole group, or where it has not yet become one, to the process."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def stands(self) -> bool:
        """Whether it has paused itself; waits until it has, or has ended without."""
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and self.end(0.01) is None:
            with contextlib.suppress(psutil.Error):
                if psutil.Process(self.pid).status() == psutil.STATUS_STOPPED:
                    return True
        return False

    def said(self) -> str:
        return " ".join(self.run.told.read_text().split())[-1500:] if self.run.told.exists() else ""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything is started once; each case has a prefix of its own, so that none can disturb another."""

    server: S3Server
    account: Account
    folder: Path
    forks: ForkServerContext
    store: ObjectStore
    name: str = field(default_factory=lambda: uuid4().hex[:8])

    def layout(self, case: str) -> Layout:
        return Layout(BUCKET, f"{self.name}/{case}")

    def start(
        self, layout: Layout, step: Step | None = None, *, number: int = signal.SIGKILL, ahead: bool = False
    ) -> Started:
        run = Run(
            layout=layout,
            server=self.server,
            account=self.account,
            told=self.folder / f"{uuid4().hex}.log",
            step=step,
            number=number,
            ahead=AHEAD if ahead else timedelta(0),
        )
        process = self.forks.Process(target=enter, args=(run,))
        with _CHILDREN:
            process.start()
        return Started(run, process)

    def look(self, layout: Layout) -> Seen:
        return asyncio.run(look(self.store, layout))

    def undisturbed(self, layout: Layout, *, ahead: bool = False, expected: int = 0) -> Seen:
        """Run to the end. Raises RunFailed where the exit code is another."""
        started = self.start(layout, ahead=ahead)
        code = started.end()
        if code != expected:
            raise RunFailed(f"{layout} ended with {code} instead of {expected}: {started.said()}")
        return self.look(layout)

    def archive_young(self, cases: Iterable[str]) -> None:
        """An archive of the young account for each case, in which some images have failed."""
        self.account.go_to(Moment.YOUNG)
        with self.account.spoiled(), ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda case: self.undisturbed(self.layout(case), expected=3), cases))

    def truths(self, stories: Iterable[Story] = tuple(Story)) -> dict[Story, Seen]:
        """What each story ends in where nothing disturbs it, held against what the source itself says."""
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
            raise RunFailed(f"{story}: an undisturbed run does not hold what the source has")
        bodies = self.account.images_at(row.source_url or "" for row in live)
        for row, body in zip(live, bodies, strict=True):
            if hashlib.sha256(body).hexdigest() != row.sha256:
                raise RunFailed(f"{story}: an undisturbed run holds other bytes than the source: {row.key}")


@contextlib.contextmanager
def stage(server: S3Server | None = None) -> Iterator[Stage]:
    """Start all that is needed (with a `server` that runs already, the rest) and stop it when the block ends."""
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="campaign-")))
        server = server or held.enter_context(seaweedfs(folder / "seaweedfs", bucket=BUCKET))
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload([enter.__module__, *IMPORTED_LATE])
        store = S3ObjectStore(BUCKET, session=server.session(), endpoint_url=server.endpoint)
        yield Stage(server, held.enter_context(account(folder / "simulator.log")), folder, forks, store)
