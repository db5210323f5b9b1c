"""The simulated account as it is, told without its listing: made again from the same seed, and held against the running one."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import httpx
import pyarrow as pa

from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.simulator.history import DENSITIES
from stablecog_provider.simulator.images import image_of
from stablecog_provider.simulator.world import World

from ..local.children import StepFailed
from ..local.simulator import Simulator
from .check import TRUTH

DAYS = 30
SETTLING = timedelta(hours=1)
"""How far the account's clock is moved on: then all of it is settled, and stays as it is."""


def truth_of(outputs: int) -> pa.Table:
    """Every image that `stablecog-archive simulate --outputs N --days 30` has an hour later; as `TRUTH`."""
    world = World.generate(outputs=outputs, days=DAYS, every=DENSITIES["human"])
    now = world.present + SETTLING
    rows = [
        {"output_id": output.id, "rendition": str(rendition), "sha256": _digest(image_of(output, rendition))}
        for output in world.visible(now)
        for rendition in Rendition
        if output.has_image(rendition, now)
    ]
    return pa.Table.from_pylist(rows, schema=TRUTH)


def assure_same(truth: pa.Table, source: Simulator) -> None:
    """The running account lists just the outputs of `truth`. Raises StepFailed."""
    listed = httpx.get(f"{source.address}/_simulator/outputs", trust_env=False, timeout=60).raise_for_status().json()
    if {each["id"] for each in listed} != set(truth["output_id"].to_pylist()):
        raise StepFailed("the simulated account", "it is not the one that its seed makes")


def requests(source: Simulator) -> dict[str, int]:
    """What has been asked of it so far, by kind: `pages`, `images`, `limited` (answered 429) ..."""
    state = httpx.get(f"{source.address}/_simulator/state", trust_env=False, timeout=60).raise_for_status().json()
    found: dict[str, int] = state["requests"]
    return found


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
