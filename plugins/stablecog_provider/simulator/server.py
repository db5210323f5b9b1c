"""The simulator as a server: in the event loop of a test (`Simulator`), or as a program (`serve`)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from ..errors import ConfigurationError
from .api import api_routes
from .clock import SimulatedClock
from .control import control_routes
from .dialect import CURRENT, PRESETS, Dialect
from .documents import format_go
from .fault_rates import NONE, FaultRates
from .faults import RateLimit
from .history import DENSITIES
from .outputs import DELETIONS
from .saved_state import SavedState
from .scene import Scene
from .world import START, World

_CLOSING = 1.0
"""Seconds that a stop waits for responses in progress."""


class Simulator:
    """One running service: `async with Simulator(World.generate()) as simulator: ... simulator.address`.

    `world`, `clock`, `faults`, `requests` and `dialect` may be changed while it runs. `rate_limit`: requests per second per
    client address, or None for no limit (the service has 10). `latency`: seconds by which each response of the API and of the
    image host is delayed. It logs nothing, so it never logs a key.
    """

    def __init__(
        self,
        world: World,
        dialect: Dialect = CURRENT,
        clock: SimulatedClock | None = None,
        *,
        rate_limit: int | None = None,
        latency: float = 0.0,
        host: str = "127.0.0.1",
        port: int = 0,
        image_address: str | None = None,
    ) -> None:
        self.world = world
        self.clock = clock or SimulatedClock(world.present)
        self.scene = Scene(
            world=world,
            clock=self.clock,
            dialect=dialect,
            rate_limit=RateLimit(rate_limit) if rate_limit is not None else None,
            image_address=image_address,
            latency=latency,
        )
        self.faults = self.scene.faults
        self.requests = self.scene.requests
        self.address = ""
        """`http://host:port`, after the start."""
        self._place = host, port
        self._runner: web.AppRunner | None = None

    @property
    def dialect(self) -> Dialect:
        return self.scene.dialect

    @dialect.setter
    def dialect(self, dialect: Dialect) -> None:
        self.scene.dialect = dialect

    def application(self) -> web.Application:
        async def tell_simulated_time(_: web.Request, response: web.StreamResponse) -> None:
            response.headers["Date"] = format_datetime(self.clock.now().astimezone(UTC), usegmt=True)

        application = web.Application()
        application.add_routes([*api_routes(self.scene), *control_routes(self.scene)])
        application.on_response_prepare.append(tell_simulated_time)
        return application

    async def start(self) -> Self:
        # An access log would contain keys, and it costs more time than a response.
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=_CLOSING)
        await self._runner.setup()
        site = web.TCPSite(self._runner, *self._place)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return self

    async def stop(self) -> None:
        self.scene.stopping.set()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8787,
    outputs: int = 2000,
    days: float = 30,
    seed: int = 0,
    density: str = "human",
    dialect: str = "current",
    clock_start: datetime | None = None,
    clock_rate: float = 1.0,
    rate_limit: int | None = 10,
    latency: float = 0.0,
    faults: str = NONE,
    deletions: float = DELETIONS,
    state: Path | None = None,
    on_start: Callable[[str], None] | None = None,
) -> None:
    """Serve a generated world until SIGINT or SIGTERM. `on_start` receives the address. Prints nothing.

    The outputs of the world fill `days` days up to `clock_start` (aware). Without it, the clock starts at the world's own
    present, which is always the same. `clock_rate`: simulated seconds per second, 0 for a stopped clock. `rate_limit`:
    requests per second, None for no limit. `latency`: seconds per response. `faults`: rates as `FaultRates` parses them.
    `deletions`: share of the outputs that are deleted within 30 days. `state`: a file that a restart continues from.

    Raises ConfigurationError for an unknown density or dialect, invalid fault rates, a state of another simulation, and if
    Pillow is missing.
    """
    for name, known in ((density, DENSITIES), (dialect, PRESETS)):
        if name not in known:
            raise ConfigurationError(f"the simulator does not know {name!r}", hint=f"choose one of {', '.join(known)}")
    try:
        rates = FaultRates.parse(faults, seed)
    except ValueError as error:
        raise ConfigurationError(str(error), hint="for example: --faults failing=5%,images.broken=10%") from None
    _require_pillow()

    def generate(start: datetime) -> World:
        return World.generate(
            seed=seed, outputs=outputs, days=days, start=start, every=DENSITIES[density], deletions=deletions
        )

    world = generate(START)
    if clock_start:
        world = generate(START + (clock_start - world.present))
    clock = SimulatedClock(world.present, rate=clock_rate)
    simulator = Simulator(world, PRESETS[dialect], clock, rate_limit=rate_limit, latency=latency, host=host, port=port)
    simulator.scene.rates = rates
    if state:
        made_from = {"seed": seed, "outputs": outputs, "days": days, "density": density, "deletions": deletions}
        SavedState(state, made_from | {"now": format_go(world.present)}).continue_in(simulator.scene)
    try:
        asyncio.run(_serve(simulator, on_start))
    except OSError as error:
        raise ConfigurationError(
            f"the simulator cannot listen on {host}:{port}: {error.strerror}",
            hint="choose another --port (0: any free one)",
        ) from None


def _require_pillow() -> None:
    try:
        import_module(".images", __package__)
    except ImportError as missing:
        raise ConfigurationError(
            f"the simulator cannot create images: {missing}",
            hint="install the extra `simulator`: pip install 'airflow-provider-stablecog[simulator]', "
            "or '.[simulator]' in a clone",
        ) from None


async def _serve(simulator: Simulator, on_start: Callable[[str], None] | None) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with simulator:
        if on_start:
            on_start(simulator.address)
        await stop.wait()
