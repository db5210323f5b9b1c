"""The expected content of the simulated account: generated from the same seed, without using its listing."""

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
"""How far the account's clock is advanced, so that all outputs are settled and no longer change."""


def truth_of(outputs: int) -> pa.Table:
    """Return every image of `stablecog-archive simulate --outputs N --days 30` an hour later, as a table `TRUTH`."""
    world = World.generate(outputs=outputs, days=DAYS, every=DENSITIES["human"])
    now = world.present + SETTLING
    rows = [
        {"output_id": output.id, "rendition": str(rendition), "sha256": _digest(image_of(output, rendition))}
        for output in world.visible(now)
        for rendition in Rendition
        if output.has_image(rendition, now)
    ]
    return pa.Table.from_pylist(rows, schema=TRUTH)


def check_account(truth: pa.Table, source: Simulator) -> None:
    """Check that the running account lists exactly the outputs of `truth`. Raises StepFailed."""
    listed = httpx.get(f"{source.address}/_simulator/outputs", trust_env=False, timeout=60).raise_for_status().json()
    if {each["id"] for each in listed} != set(truth["output_id"].to_pylist()):
        raise StepFailed("the simulated account", "its outputs differ from those of its seed")


def requests(source: Simulator) -> dict[str, int]:
    """Return the number of requests so far, by kind: `pages`, `images`, `limited` (answered with 429) ..."""
    state = httpx.get(f"{source.address}/_simulator/state", trust_env=False, timeout=60).raise_for_status().json()
    found: dict[str, int] = state["requests"]
    return found


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
