"""Worlds and checks for tests of a run."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.simulator.world import World
from support.scene import LAYOUT, Scene, small_jpeg

DAY = timedelta(days=1)
DENSITY: dict[str, dict[str, Any]] = {"human": {"every": 20.0, "days": 10}, "dense": {"every": 0.25, "days": 2}}


def a_world(outputs: int = 600, **settings: Any) -> World:
    return World.generate(**{"seed": 5, "outputs": outputs, "days": 10, "quiet": True, **settings})


def checkpoint(scene: Scene) -> Checkpoint:
    return Checkpoint.from_json(scene.store.objects[LAYOUT.checkpoint].body)


async def assert_complete(scene: Scene, settling: timedelta = timedelta(seconds=331)) -> None:
    """Check that every live output older than `settling` has its rows, and that each archived row has its object."""
    rows, now = await scene.rows(), scene.clock.now()
    for output in scene.simulated.visible(now - settling):
        if output.deleted_at and output.deleted_at <= now:
            continue
        for rendition in Rendition:
            if rendition is Rendition.ORIGINAL:
                assert (output.id, rendition) in rows
            if (row := rows.get((output.id, rendition))) and row.state == "archived":
                key = (row.uri or "").removeprefix(f"s3://{LAYOUT.bucket}/")
                assert scene.store.objects[key].body == small_jpeg(output.file_name(rendition))
                assert scene.store.objects[key].metadata["sha256"] == row.sha256
                assert row.bytes == len(scene.store.objects[key].body)


def newest_report(scene: Scene) -> dict[str, Any]:
    """The document under `runs/` whose run started last."""
    key = max(key for key in scene.store.objects if key.startswith(LAYOUT.runs))
    document: dict[str, Any] = json.loads(scene.store.objects[key].body)
    return document
