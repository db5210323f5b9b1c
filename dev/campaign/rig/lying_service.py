"""One run of the real adapters against a service that lies: real HTTP for the listing and the images, a bucket in memory."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiohttp import web

from stablecog_provider.adapters.image_http import HttpImages, HttpTimeouts, Resolver
from stablecog_provider.adapters.memory import FixedClock, MemoryObjectStore
from stablecog_provider.adapters.network.network import DIRECT, Network
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.adapters.stablecog_api import StablecogApi
from stablecog_provider.archive.ports import Ports
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.errors import ArchiveError
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.simulator.api import LISTING
from stablecog_provider.simulator.clock import SimulatedClock
from stablecog_provider.simulator.server import Simulator
from stablecog_provider.simulator.world import DEFAULT_KEY
from stablecog_provider.simulator.world import World as SimulatedWorld

from .bench import VirtualTime
from .deadline import RUN_SECONDS, within

LAYOUT = Layout("archive", "hostile")
TIMEOUTS = HttpTimeouts(connect=2.0, read=2.0, total=4.0)
Spoil = Callable[[dict[str, Any]], None]
"""Changes the document of a page in place."""


class LyingSimulator(Simulator):
    """The simulator, with the documents of its listing changed by `spoil`."""

    def __init__(self, world: SimulatedWorld, spoil: Spoil) -> None:
        # An hour later, so that all outputs are settled.
        super().__init__(world, clock=SimulatedClock(world.present + timedelta(hours=1), rate=0))
        self.spoil = spoil

    def application(self) -> web.Application:
        @web.middleware
        async def lie(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            answer = await handler(request)
            if request.path != LISTING or not isinstance(answer, web.Response) or answer.status != 200:
                return answer
            document = json.loads(answer.text or "")
            self.spoil(document)
            return web.json_response(document)

        application = super().application()
        application.middlewares.append(lie)
        return application


@dataclass(slots=True)
class Outcome:
    """Result of a run: its report or the ArchiveError that ended it, and the rows in the manifest."""

    report: RunReport | None = None
    error: ArchiveError | None = None
    rows: list[Row] = field(default_factory=list)
    store: MemoryObjectStore = field(default_factory=MemoryObjectStore)


async def run_against(
    address: str,
    clock: FixedClock,
    *,
    image_hosts: Sequence[str] = (),
    resolver: Resolver | None = None,
    network: Network = DIRECT,
    request_timeout: float = 20.0,
) -> Outcome:
    """Archive the service at `address`. Waiting for retries takes no time. `network`: of the images alone."""
    outcome, time = Outcome(), VirtualTime()
    source = StablecogApi(
        address, DEFAULT_KEY, attempts=2, timeout=request_timeout, sleep=time.sleep, monotonic=time.monotonic
    )
    manifest = ParquetManifest(outcome.store, LAYOUT)
    opened = HttpImages(image_hosts, timeouts=TIMEOUTS, network=network, resolver=resolver)
    async with source, opened as images:
        ports = Ports(
            source=source,
            images=images,
            store=outcome.store,
            manifest=manifest,
            clock=clock,
            sleep=time.sleep,
            monotonic=time.monotonic,
        )
        try:
            outcome.report = await within(RUN_SECONDS, "the run", archive(ports, ArchiveSettings(layout=LAYOUT)))
        except ArchiveError as error:
            outcome.error = error
    outcome.rows = [row for day in await manifest.days() for row in (await manifest.load(day)).rows()]
    return outcome


def quiet_world(outputs: int) -> SimulatedWorld:
    """Return an account with `outputs` outputs, one image each, and no other activity."""
    return SimulatedWorld.generate(outputs=outputs, days=1, quiet=True, future=0)


async def run_spoiled(outputs: int, spoil: Spoil, **settings: Any) -> Outcome:
    """Run over a simulated account with `outputs` outputs whose pages are changed by `spoil`."""
    world = quiet_world(outputs)
    async with LyingSimulator(world, spoil) as simulator:
        clock = FixedClock(simulator.clock.now())
        return await run_against(simulator.address, clock, **settings)
