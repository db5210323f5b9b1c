"""A run makes no more requests than its report says that it may."""

from __future__ import annotations

from datetime import timedelta

from stablecog_provider.adapters.memory import MemoryObject
from stablecog_provider.simulator.dialect import CursorKey, Dialect
from support.archived import partitions
from support.scene import Scene
from support.worlds import a_world

OPAQUE = Dialect(cursor=CursorKey.OPAQUE)


async def test_small_pages_are_part_of_the_limit() -> None:
    """Every partition was written by something else, as after a copy of the bucket: all days are read again."""
    scene = Scene(a_world(600))
    assert (await scene.run(per_page=7)).source_requests <= 600
    for key in partitions(scene):
        item = scene.store.objects[key]
        scene.store.objects[key] = MemoryObject(item.body, f"copied-{item.version}", item.content_type, item.metadata)
    scene.clock.advance(timedelta(hours=1))
    outcomes = []
    for _ in range(4):
        report = await scene.run(per_page=7)
        outcomes.append(report.outcome)
        assert report.source_requests <= report.request_limit
    assert (outcomes[0], outcomes[-1]) == ("proven, in part", "proven")


async def test_pages_as_the_documentation_has_them_are_part_of_the_limit() -> None:
    scene = Scene(a_world(2000, future=0), OPAQUE)
    report = await scene.run()
    assert report.source_requests <= report.request_limit
