"""The bench for faults: a simulated account, a bucket, and the real use case between them. Waiting takes no time."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from urllib.parse import urlsplit

import httpx

from stablecog_provider.adapters.image_http import HttpImages, HttpTimeouts
from stablecog_provider.adapters.memory import FixedClock
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.adapters.stablecog_api import StablecogApi
from stablecog_provider.archive.ports import ObjectStore, Ports
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.errors import ArchiveError
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.coverage import Axis
from stablecog_provider.model.manifest import Row, State
from stablecog_provider.model.object_keys import Layout, Rendition
from stablecog_provider.simulator.dialect import CURRENT, Dialect
from stablecog_provider.simulator.images import image_of
from stablecog_provider.simulator.outputs import SimulatedOutput
from stablecog_provider.simulator.server import Simulator
from stablecog_provider.simulator.world import DEFAULT_KEY
from stablecog_provider.simulator.world import World as SimulatedWorld

from .deadline import RUN_SECONDS, within
from .tally import Tally

PATIENT = HttpTimeouts(connect=5.0, read=10.0, total=30.0)
HASTY = HttpTimeouts(connect=1.0, read=0.3, total=1.0)
"""Short timeouts, for hosts that hang."""
SETTLED = timedelta(minutes=10)
# Loading all CA certificates takes longer than a run takes here, and all is plain http.
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class VirtualTime:
    """A clock that sleeping advances, without waiting."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def small_world(random: Random, outputs: int = 24, days: float = 2) -> SimulatedWorld:
    """Return a quiet account with images of 3 kB. Faults are independent of the size of images."""
    world = SimulatedWorld.generate(seed=random.randrange(2**32), outputs=outputs, days=days, quiet=True)
    for output in world.visible(world.present + timedelta(days=365)):
        shrink(output)
    return world


def shrink(output: SimulatedOutput) -> None:
    output.generation = replace(output.generation, width=64, height=48)


@dataclass
class Bench:
    """One account and one archive.

    `ours`: our clock; the simulator has the source's. `messages`: all error messages as people see them. `direct`: the store
    without the faults, for checking the result.
    """

    simulator: Simulator
    store: ObjectStore
    layout: Layout
    ours: FixedClock
    tally: Tally
    label: str
    time: VirtualTime = field(default_factory=VirtualTime)
    timeouts: HttpTimeouts = PATIENT
    messages: Counter[str] = field(default_factory=Counter)
    direct: ObjectStore | None = None

    async def run(self, **settings: object) -> RunReport | ArchiveError:
        """Run the use case once over real HTTP. Return its report or ArchiveError; other exceptions are raised."""
        async with (
            StablecogApi(
                self.simulator.address,
                DEFAULT_KEY,
                timeout=self.timeouts.total,
                transport=httpx.AsyncHTTPTransport(verify=_NO_AUTHORITIES),
                sleep=self.time.sleep,
                monotonic=self.time.monotonic,
            ) as source,
            HttpImages([urlsplit(self.simulator.address).netloc], timeouts=self.timeouts) as images,
        ):
            ports = Ports(
                source=source,
                images=images,
                store=self.store,
                manifest=ParquetManifest(self.store, self.layout, sleep=self.time.sleep),
                clock=self.ours,
                sleep=self.time.sleep,
                monotonic=self.time.monotonic,
            )
            try:
                wanted = ArchiveSettings(layout=self.layout, **{"concurrency": 8, **settings})  # type: ignore[arg-type]
                return await within(RUN_SECONDS, "the run", archive(ports, wanted))
            except ArchiveError as error:
                self._record(error)
                return error

    async def rows(self) -> list[Row]:
        manifest = ParquetManifest(self.direct or self.store, self.layout)
        return [row for day in await manifest.days() for row in (await manifest.load(day)).rows()]

    async def checkpoint(self) -> Checkpoint | None:
        stored = await (self.direct or self.store).get(self.layout.checkpoint)
        return Checkpoint.from_json(stored.body) if stored else None

    def advance(self, by: timedelta) -> None:
        """Advance both clocks."""
        self.ours.advance(by)
        self.simulator.clock.advance(by.total_seconds())

    @property
    def visible(self) -> list[SimulatedOutput]:
        return self.simulator.world.visible(self.simulator.clock.now())

    @property
    def due(self) -> list[SimulatedOutput]:
        """Outputs that no complete run may miss, whatever the dialect."""
        return [output for output in self.visible if output.o < self.simulator.clock.now() - SETTLED]

    def end_of(self, report: RunReport) -> datetime:
        """The watermark of a complete run now: by the source's clock, in whole seconds like its header `Date`."""
        return self.simulator.clock.now().replace(microsecond=0) - report.axis.settling

    async def proven(self, **settings: object) -> None:
        """Check that a run now ends proven, with every image."""
        outcome = await self.run(**settings)
        self.expect(isinstance(outcome, RunReport) and outcome.exit_code == 0, f"the run ended in {describe(outcome)}")
        await self.inspect(complete=True)

    def wrong(self, what: str) -> None:
        self.tally.faults.append(f"{self.label}: {what}")

    def expect(self, holds: bool, what: str) -> None:
        if not holds:
            self.wrong(what)

    async def inspect(self, *, complete: bool = False, but: Sequence[str] = ()) -> dict[tuple[str, str], Row]:
        """Count lost, doubled and corrupt images, and return the rows.

        `complete`: every image must be archived, except those of the outputs `but`.
        """
        rows, checkpoint = await self.rows(), await self.checkpoint()
        by_key = {row.key: row for row in rows}
        self.tally.doubled += len(rows) - len(by_key)
        for output in self.due:
            claimed = checkpoint is not None and _instant(output, checkpoint.axis) in checkpoint.coverage
            row = by_key.get((output.id, str(Rendition.ORIGINAL)))
            if row is None and (claimed or complete):
                self.tally.lost += 1
                self.wrong(f"output {output.id} is covered and has no row")
            elif row is not None and complete and row.state != State.ARCHIVED and output.id not in but:
                self.tally.lost += 1
                self.wrong(f"output {output.id} ended as {row.state}: {row.error}")
        for row in rows:
            await self._inspect_row(row)
        return by_key

    async def _inspect_row(self, row: Row) -> None:
        if row.state != State.ARCHIVED:
            self.expect(bool(row.error), f"{row.state} row {row.output_id} has no reason")
            self.messages[f"row: {row.error}"] += 1
            return
        key = (row.uri or "").removeprefix(self.layout.uri(""))
        stored = await (self.direct or self.store).get(key)
        output = self.simulator.world.output(row.output_id)
        if stored is None or stored.body != image_of(output, Rendition(row.rendition)):
            self.tally.corrupt += 1
            self.wrong(f"{row.uri} is {'missing' if stored is None else 'not the image'}")

    def _record(self, error: ArchiveError) -> None:
        self.messages[str(error)] += 1
        self.expect(bool(error.message and error.hint), f"an error without a hint: {error}")


def _instant(output: SimulatedOutput, axis: Axis) -> datetime:
    return output.o if axis is Axis.COMPLETED else output.g


def describe(outcome: RunReport | ArchiveError) -> str:
    return " ".join(outcome.explain()) if isinstance(outcome, RunReport) else f"{type(outcome).__name__}: {outcome}"


@asynccontextmanager
async def bench(
    random: Random,
    tally: Tally,
    label: str,
    store: ObjectStore,
    *,
    layout: Layout = Layout("archive", "stablecog"),  # noqa: B008 a frozen value
    outputs: int = 24,
    dialect: Dialect = CURRENT,
    skew: timedelta = timedelta(0),
) -> AsyncIterator[Bench]:
    """`skew`: how far our clock is ahead of the source's."""
    world = small_world(random, outputs)
    async with Simulator(world, dialect) as simulator:
        simulator.clock.advance(SETTLED.total_seconds() + 1)
        yield Bench(simulator, store, layout, FixedClock(simulator.clock.now() + skew), tally, label)
