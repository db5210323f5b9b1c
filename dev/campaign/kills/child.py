"""A run of the archive in a process of its own, which stops itself at a named step: killed, or only paused.

The steps are uses of the ports, so production code needs no hook: the real command line runs, in a world whose source and
store are wrapped. The processes are forked from one that has imported everything, so that one takes a moment to start.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
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

T = TypeVar("T")


class When(StrEnum):
    """At which moment of a use of a port: `DURING`, it has been sent and its outcome is unknown; `UNANSWERED`, it took
    effect, the run was told that the store failed, and it stops when it turns to the same object again.
    """

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Step:
    """The `nth` `use` of a `kind` of object. `seconds`: how long something sent is under way, for `DURING`."""

    use: str
    kind: str
    nth: int
    when: When
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.when} {self.use} {self.kind} {self.nth}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run to start. `ahead`: how far our own clock is ahead, so that failed images are due. `told`: where what it
    prints goes. `number`: the signal it gives itself at `step`.
    """

    layout: Layout
    server: S3Server
    account: Account
    told: Path
    step: Step | None = None
    number: int = signal.SIGKILL
    ahead: timedelta = timedelta(0)
    patience: int = 120


class Fate:
    """Counts the uses of the ports and, at the step, signals the whole process group."""

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
            raise StoreUnavailable("the answer was lost")
        self._strike()
        return done

    def _strike(self) -> None:
        self._step = self._unanswered = None
        os.killpg(0, self._number)


class FatedStore:
    """An ObjectStore whose uses are steps."""

    def __init__(self, inner: ObjectStore, layout: Layout, fate: Fate) -> None:
        self._inner, self._layout, self._fate = inner, layout, fate

    @property
    def requests(self) -> int:
        return self._inner.requests

    async def get(self, key: str) -> Stored | None:
        return await self._fate.use("get", self._kind(key), key, lambda: self._inner.get(key))

    async def put(self, key: str, body: bytes, **settings: Any) -> str:
        return await self._fate.use("put", self._kind(key), key, lambda: self._inner.put(key, body, **settings))

    async def delete(self, key: str) -> None:
        await self._fate.use("delete", self._kind(key), key, lambda: self._inner.delete(key))

    async def list(self, prefix: str) -> AsyncIterator[Listed]:
        async def begin() -> None: ...

        await self._fate.use("list", "manifest", prefix, begin)
        async for listed in self._inner.list(prefix):
            yield listed

    def _kind(self, key: str) -> str:
        if self._layout.parse_image(key):
            return "image"
        if self._layout.parse_partition(key):
            return "partition"
        if key == self._layout.checkpoint:
            return "checkpoint"
        return "report" if key.startswith(self._layout.runs) else "probe"


class FatedSource:
    """A Source whose pages are steps."""

    def __init__(self, inner: Source, fate: Fate) -> None:
        self._inner, self._fate = inner, fate
        self.address = inner.address

    @property
    def requests(self) -> int:
        return self._inner.requests

    async def page(self, query: PageQuery) -> Page:
        return await self._fate.use("get", "page", "", lambda: self._inner.page(query))


@dataclass(frozen=True, slots=True)
class ClockAhead:
    """The machine's clock, and so much later."""

    by: timedelta
    machine: SystemClock = field(default_factory=SystemClock)

    def now(self) -> datetime:
        return self.machine.now() + self.by


def worlds(step: Step | None, number: int, ahead: timedelta) -> Callable[..., object]:
    """What opens the real world with the step built in, in the place of `open_world`."""
    fate = Fate(step, number)

    @asynccontextmanager
    async def opened(source: SourceSettings, store: StoreSettings, layout: Layout) -> AsyncIterator[Ports]:
        async with open_ports(replace(source, requests_per_second=REQUESTS_PER_SECOND), store, layout) as world:
            fated = FatedStore(world.store, layout, fate)
            yield replace(
                world,
                source=FatedSource(world.source, fate),
                store=fated,
                manifest=ParquetManifest(fated, layout),
                clock=ClockAhead(ahead),
            )

    return opened


def hasten() -> None:
    """Commit early and often. The simulator has no rate limit here, and politeness would only make the campaign longer."""
    commit.COMMIT_ROWS = COMMIT_ROWS
    stablecog_api.RATE_LIMIT = 2 * REQUESTS_PER_SECOND


def enter(run: Run) -> None:
    """What a forked process does: become a group of its own, run, leave with the command's exit code."""
    os.setsid()
    signal.alarm(run.patience)
    hasten()
    keys = {"AWS_ACCESS_KEY_ID": run.server.access_key, "AWS_SECRET_ACCESS_KEY": run.server.secret_key}
    os.environ.update(keys | {"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"})
    typed = ["run", "--json", "--debug", "--to", str(run.layout), "--endpoint-url", run.server.endpoint]
    typed += ["--source", run.account.address, "--image-host", run.account.image_host]
    typed += ["--per-page", str(PER_PAGE), "--concurrency", str(CONCURRENCY)]
    with run.told.open("w") as told:
        around = CliContext(
            environ={"STABLECOG_API_KEY": run.account.api_key},
            out=told,
            err=told,
            open_ports=worlds(run.step, run.number, run.ahead),  # type: ignore[arg-type]
        )
        code = main(typed, around)
    sys.exit(code)
