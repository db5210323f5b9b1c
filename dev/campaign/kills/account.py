"""The account for kills and races: a simulator in its own process, with small images and three moments of its history.

`python -m dev.campaign.kills.account SEED` prints one line of JSON, an `Account`, and serves until SIGTERM.
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
"""Pixels. The campaign is about the order of events, and an image of 3 kB is lost as easily as a large one."""
SETTLED = timedelta(minutes=10)


class Moment(StrEnum):
    """`GROWN` is a day after `YOUNG`: more outputs, some deleted, some upscaled. `LATER` has still more outputs."""

    YOUNG = "young"
    GROWN = "grown"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Account:
    """A running simulator. `moments`: instants in RFC 3339. `images`: file names that `spoiled` affects."""

    address: str
    api_key: str
    image_host: str
    moments: dict[str, str]
    images: list[str]

    def go_to(self, moment: Moment) -> None:
        self._post("clock/set", {"now": self.moments[moment]})

    @contextlib.contextmanager
    def spoiled(self) -> Iterator[None]:
        """Serve garbled bytes for `images` until the block ends."""
        for file_name in self.images:
            self._post("faults/image", {"manner": "garbled", "times": None, "file_name": file_name})
        try:
            yield
        finally:
            self._post("faults/clear", {})

    def visible(self) -> list[str]:
        """Return the ids of all outputs that exist now, independently of the listing."""
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
    """Return a quiet history with its moments, and the file names of some images that stay.

    Between `YOUNG` and `GROWN` there are deletions, some with their images, and late upscales.
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
    # One image is of the first day, in which nothing else changes: no other change can hide what a retry leaves behind.
    images = [output.file_name(Rendition.ORIGINAL) for output in (staying[0], *random.sample(staying, 2))]
    return world, {Moment.YOUNG: young, Moment.GROWN: grown, Moment.LATER: later}, images


async def _serve(seed: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    world, moments, images = small_world(seed)
    async with Simulator(world, clock=SimulatedClock(moments[Moment.YOUNG])) as simulator:
        serving = Account(
            address=simulator.address,
            api_key=DEFAULT_KEY,
            image_host=simulator.address.removeprefix("http://"),
            moments={str(moment): instant.isoformat() for moment, instant in moments.items()},
            images=images,
        )
        sys.stdout.write(json.dumps(asdict(serving)) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
