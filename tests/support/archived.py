"""An archive to damage and to rebuild, and functions that read it."""

from __future__ import annotations

from datetime import timedelta

from stablecog_provider.adapters.memory import MemoryObject
from stablecog_provider.archive.rebuild import RebuildSettings, rebuild
from stablecog_provider.archive.reports.rebuild import RebuildReport
from stablecog_provider.model.coverage import MAX_LATENCY, Coverage, Window
from stablecog_provider.simulator.world import World as SimulatedWorld
from support.scene import LAYOUT, Scene
from support.worlds import a_world, checkpoint

HOURS = timedelta(hours=3)


def a_past_world(**settings: object) -> SimulatedWorld:
    """Return a world without a future: new outputs appear only if a test adds them."""
    return a_world(300, future=0, **settings)


async def rebuilt(scene: Scene, **settings: bool) -> RebuildReport:
    return await rebuild(scene.ports(), RebuildSettings(layout=LAYOUT, **settings))


def put(scene: Scene, key: str, body: bytes) -> None:
    """Write as another program would, with a new version."""
    scene.store.objects[key] = MemoryObject(body, f"foreign-{len(body)}-{hash(body)}", "x/y", {})


def partitions(scene: Scene) -> list[str]:
    return sorted(key for key in scene.store.objects if key.startswith(LAYOUT.manifest))


def images(scene: Scene) -> dict[str, bytes]:
    return {key: item.body for key, item in scene.store.objects.items() if key.startswith(LAYOUT.images)}


async def archived(**settings: object) -> Scene:
    """Return ten archived days, some time after the last output."""
    scene = Scene(a_past_world(), **settings)  # type: ignore[arg-type]
    assert (await scene.run()).outcome == "proven"
    scene.clock.advance(HOURS)
    assert (await scene.run()).outcome == "proven"
    return scene


async def assert_as_before(scene: Scene, rows: dict[tuple[str, str], str | None], bodies: dict[str, bytes]) -> None:
    report = await scene.run()
    assert report.outcome == "proven", report.explain()
    assert {key: row.sha256 for key, row in (await scene.rows()).items()} == rows
    assert images(scene) == bodies


async def fixities(scene: Scene) -> dict[tuple[str, str], str | None]:
    return {key: row.sha256 for key, row in (await scene.rows()).items()}


async def read_all(scene: Scene) -> Coverage:
    """Return the coverage of the checkpoint up to 300 s before now, which is as far as counting can prove it."""
    provable = Coverage((Window(checkpoint(scene).coverage.windows[0].start, scene.clock.now() - MAX_LATENCY),))
    return checkpoint(scene).coverage.intersect(provable)
