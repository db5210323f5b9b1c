"""A run of the archive in a separate process, which kills or pauses itself at a given step.

Steps are calls of the ports, so production code needs no hook: the real command line runs with a wrapped source and store.
The processes are forked from a server process that has already imported everything, so they start fast.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from stablecog_provider.adapters import stablecog_api
from stablecog_provider.adapters.assembly import SourceSettings, StoreSettings, open_ports
from stablecog_provider.adapters.memory import SystemClock
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.committing import commit
from stablecog_provider.archive.ports import Listed, ObjectStore, Ports, Source, Stored
from stablecog_provider.cli import main
from stablecog_provider.cli.context import CliContext
from stablecog_provider.errors import StoreUnavailable
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.page import Page, PageQuery

from ...local.s3_server import S3Server
from .account import Account

REQUESTS_PER_SECOND = 1000.0
COMMIT_ROWS, PER_PAGE, CONCURRENCY = 20, 10, 6
"""Small, so that a run of a hundred images commits several times."""
PATIENCE_SECONDS = 120
"""A run that takes longer ends itself by SIGALRM."""

T = TypeVar("T")


class When(StrEnum):
    """The moment relative to a call of a port.

    `DURING`: the request is sent and its outcome unknown. `UNANSWERED`: the request took effect, the run received an error,
    and the strike comes when the run uses the same object again.
    """

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"
    UNANSWERED = "unanswered"


class Command(StrEnum):
    """What a run is."""

    RUN = "run"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class Step:
    """The `nth` `use` of a `kind` of object. `seconds`: delay between request and strike, for `DURING`."""

    use: str
    kind: str
    nth: int
    when: When
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.when} {self.use} {self.kind} {self.nth}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run to start.

    `log`: the file for its output. `number`: the signal it sends itself at `step`. `ahead`: how far its clock is ahead, so
    that failed images are due for a retry.
    """

    layout: Layout
    server: S3Server
    account: Account
    log: Path
    step: Step | None = None
    number: int = signal.SIGKILL
    ahead: timedelta = timedelta(0)
    command: Command = Command.RUN


class Trigger:
    """Counts the calls of the ports and signals the whole process group at the step."""

    def __init__(self, step: Step | None, number: int) -> None:
        self._step, self._number = step, number
        self._left = step.nth if step else 0
        self._unanswered: str | None = None

    async def use(self, use: str, kind: str, key: str, act: Callable[[], Awaitable[T]]) -> T:
        if self._unanswered == key:
            self._strike()
        step = self._step
        if step is None or (step.use, step.kind) != (use, kind):
            return await act()
        self._left -= 1
        if self._left:
            return await act()
        if step.when is When.BEFORE:
            self._strike()
            return await act()
        if step.when is When.DURING:
            sent = asyncio.ensure_future(act())
            await asyncio.sleep(step.seconds)
            self._strike()
            return await sent
        done = await act()
        if step.when is When.UNANSWERED:
            self._unanswered = key
            raise StoreUnavailable("the response was lost")
        self._strike()
        return done

    def _strike(self) -> None:
        self._step = self._unanswered = None
        os.killpg(0, self._number)


class WatchedStore:
    """An ObjectStore whose calls are steps."""

    def __init__(self, inner: ObjectStore, layout: Layout, trigger: Trigger) -> None:
        self._inner, self._layout, self._trigger = inner, layout, trigger
        self.address = inner.address

    @property
    def requests(self) -> int:
        return self._inner.requests

    async def get(self, key: str) -> Stored | None:
        return await self._trigger.use("get", self._kind(key), key, lambda: self._inner.get(key))

    async def head(self, key: str) -> Listed | None:
        return await self._inner.head(key)

    async def put(self, key: str, body: bytes, **settings: Any) -> str:
        return await self._trigger.use("put", self._kind(key), key, lambda: self._inner.put(key, body, **settings))

    async def delete(self, key: str) -> None:
        await self._trigger.use("delete", self._kind(key), key, lambda: self._inner.delete(key))

    async def list(self, prefix: str) -> AsyncIterator[Listed]:
        async def begin() -> None: ...

        await self._trigger.use("list", "manifest", prefix, begin)
        async for listed in self._inner.list(prefix):
            yield listed

    async def folders(self, prefix: str) -> Sequence[str]:
        return await self._inner.folders(prefix)

    def _kind(self, key: str) -> str:
        if self._layout.parse_image(key):
            return "image"
        if self._layout.parse_partition(key):
            return "partition"
        if key == self._layout.checkpoint:
            return "checkpoint"
        return "report" if key.startswith(self._layout.runs) else "probe"


class WatchedSource:
    """A Source whose pages are steps."""

    def __init__(self, inner: Source, trigger: Trigger) -> None:
        self._inner, self._trigger = inner, trigger
        self.address = inner.address

    @property
    def requests(self) -> int:
        return self._inner.requests

    async def page(self, query: PageQuery) -> Page:
        return await self._trigger.use("get", "page", "", lambda: self._inner.page(query))


@dataclass(frozen=True, slots=True)
class ClockAhead:
    """The system clock plus an offset."""

    by: timedelta
    system: SystemClock = field(default_factory=SystemClock)

    def now(self) -> datetime:
        return self.system.now() + self.by


def ports_with_step(step: Step | None, number: int, ahead: timedelta) -> Callable[..., object]:
    """Return a replacement of `open_ports` that opens the real ports with the step built in."""
    trigger = Trigger(step, number)

    @asynccontextmanager
    async def opened(source: SourceSettings, store: StoreSettings, layout: Layout) -> AsyncIterator[Ports]:
        async with open_ports(replace(source, requests_per_second=REQUESTS_PER_SECOND), store, layout) as ports:
            watched = WatchedStore(ports.store, layout, trigger)
            yield replace(
                ports,
                source=WatchedSource(ports.source, trigger),
                store=watched,
                manifest=ParquetManifest(watched, layout),
                clock=ClockAhead(ahead),
            )

    return opened


def speed_up() -> None:
    """Commit early and often, and lift the rate limit: the simulator has none here."""
    commit.COMMIT_ROWS = COMMIT_ROWS
    stablecog_api.RATE_LIMIT = 2 * REQUESTS_PER_SECOND


def enter(run: Run) -> None:
    """Entry point of a forked process: create a process group, run, and exit with the command's exit code."""
    os.setsid()
    signal.alarm(PATIENCE_SECONDS)
    speed_up()
    keys = {"AWS_ACCESS_KEY_ID": run.server.access_key, "AWS_SECRET_ACCESS_KEY": run.server.secret_key}
    os.environ.update(keys | {"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"})
    arguments = [str(run.command), "--json", "--debug", "--to", str(run.layout), "--endpoint-url", run.server.endpoint]
    arguments += ["--source", run.account.address, "--image-host", run.account.image_host]
    arguments += ["--concurrency", str(CONCURRENCY)]
    if run.command is Command.RUN:
        arguments += ["--per-page", str(PER_PAGE)]
    with run.log.open("w") as log:
        context = CliContext(
            environ={"STABLECOG_API_KEY": run.account.api_key},
            out=log,
            err=log,
            open_ports=ports_with_step(run.step, run.number, run.ahead),  # type: ignore[arg-type]
        )
        code = main(arguments, context)
    sys.exit(code)
