"""The account that campaigns archive: a simulator of its own process, small pictures, and three moments of its history.

`python -m dev.campaign.kills.account SEED` prints one line (where it listens, which moments there are)
and serves until SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

import httpx

from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.simulator.clock import SimulatedClock
from stablecog_provider.simulator.server import Simulator
from stablecog_provider.simulator.world import DEFAULT_KEY, World

from ...local.children import started, wait_until

OUTPUTS, DAYS, LATER_OUTPUTS = 90, 5, 20
WIDTH, HEIGHT = 64, 48
"""Pixels: a campaign is about the order of things, and a picture of 3 kB is as easily lost as a large one."""
SETTLED = timedelta(minutes=10)


class Moment(StrEnum):
    """The account when it is `YOUNG`, a day later (more outputs, some deleted, some upscaled), and later still."""

    YOUNG = "young"
    GROWN = "grown"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Account:
    """Where the simulator listens, its key, when the moments are (RFC 3339), and images that may be spoiled for a while."""

    address: str
    api_key: str
    image_host: str
    moments: dict[str, str]
    images: list[str]

    def go_to(self, moment: Moment) -> None:
        self._post("clock/set", {"now": self.moments[moment]})

    @contextlib.contextmanager
    def spoiled(self) -> Iterator[None]:
        """Until the block ends, who asks for `images` gets something else."""
        for file_name in self.images:
            self._post("faults/image", {"manner": "garbled", "times": None, "file_name": file_name})
        try:
            yield
        finally:
            self._post("faults/clear", {})

    def visible(self) -> list[str]:
        """The ids of all outputs there are now: the truth."""
        return [row["id"] for row in httpx.get(f"{self.address}/_simulator/outputs", trust_env=False).json()]

    def images_at(self, urls: Iterable[str]) -> list[bytes]:
        with httpx.Client(trust_env=False) as client:
            return [client.get(url).raise_for_status().content for url in urls]

    def _post(self, path: str, body: dict[str, Any]) -> None:
        httpx.post(f"{self.address}/_simulator/{path}", json=body, trust_env=False).raise_for_status()


@contextlib.contextmanager
def account(log: Path, seed: int = 1) -> Iterator[Account]:
    """Run the simulator until the block ends. Raises StepFailed."""
    command = [sys.executable, "-m", __spec__.name, str(seed)]
    with started(command, log, os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}) as child:
        wait_until("the simulator", lambda: log.read_text().endswith("}\n"), child, log)
        yield Account(**json.loads(log.read_text().splitlines()[-1]))


def small_world(seed: int) -> tuple[World, dict[Moment, datetime], list[str]]:
    """A quiet history, and on cue what a day brings: deletions (some take the image along) and late upscales. Also the
    names of some images that stay.
    """
    world = World.generate(seed=seed, outputs=OUTPUTS, days=DAYS, future=LATER_OUTPUTS, quiet=True)
    grown = world.present + SETTLED
    young = grown - timedelta(days=1)
    every = world.visible(grown + timedelta(days=30))
    for output in every:
        output.generation = replace(output.generation, width=WIDTH, height=HEIGHT)
    later = max(output.o for output in every) + SETTLED
    random = Random(seed)
    early = [output for output in every if output.o < young - SETTLED]
    second_day = next(number for number, output in enumerate(early) if output.g.date() > early[0].g.date())
    for number, output in enumerate(random.sample(early[second_day:], 6)):
        at = young + timedelta(hours=1 + number) if number < 3 else grown + timedelta(seconds=number)
        world.delete(output.id, at, image_too=number % 3 == 0)
    # Within the lookback of a day, so that a run at the next moment sees them.
    staying = [output for output in early if output.deleted_at is None]
    for output in staying[-4:]:
        world.upscale(output.id, young + timedelta(hours=2))
    # Of the first day, too, in which nothing else may change: what a retry leaves behind there, nothing else sweeps away.
    images = [output.file_name(Rendition.ORIGINAL) for output in (staying[0], *random.sample(staying, 2))]
    return world, {Moment.YOUNG: young, Moment.GROWN: grown, Moment.LATER: later}, images


async def _serve(seed: int) -> None:
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    world, moments, images = small_world(seed)
    async with Simulator(world, clock=SimulatedClock(moments[Moment.YOUNG])) as simulator:
        told_account = Account(
            address=simulator.address,
            api_key=DEFAULT_KEY,
            image_host=simulator.address.removeprefix("http://"),
            moments={str(moment): instant.isoformat() for moment, instant in moments.items()},
            images=images,
        )
        sys.stdout.write(json.dumps(asdict(told_account)) + "\n")
        sys.stdout.flush()
        await told.wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
