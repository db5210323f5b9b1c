"""Looking for new outputs: what counts as new, and what a look costs."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from stablecog_provider.archive.new_outputs import NewOutputs, new_outputs
from stablecog_provider.errors import SourceUnavailable
from stablecog_provider.model.coverage import Axis
from stablecog_provider.simulator.dialect import PRESETS
from support.scene import LAYOUT, Scene, SimulatedSource
from support.worlds import a_world, checkpoint

SECOND = timedelta(seconds=1)


async def look(scene: Scene, source: SimulatedSource | None = None) -> NewOutputs:
    return await new_outputs(source or asked(scene), scene.store, scene.our_clock, LAYOUT)


def asked(scene: Scene) -> SimulatedSource:
    return SimulatedSource(scene.simulated, scene.dialect, scene.clock, scene.source_dies_after)


async def archived(dialect: str) -> Scene:
    """An archive that is up to date: everything has settled for long."""
    scene = Scene(a_world(future=0), PRESETS[dialect])
    scene.clock.advance(timedelta(hours=1))
    assert (await scene.run()).outcome == "proven"
    return scene


def completed(scene: Scene) -> datetime:
    """Add an output that is requested now, and return when it completes."""
    at = scene.clock.now() + timedelta(seconds=20)
    scene.simulated.add(scene.clock.now(), at)
    return at


@pytest.mark.parametrize("dialect", PRESETS)
async def test_an_archive_that_is_up_to_date_lacks_nothing_and_one_request_says_so(dialect: str) -> None:
    scene = await archived(dialect)
    source = asked(scene)
    found = await look(scene, source)
    assert not found
    assert found == NewOutputs(archive=str(LAYOUT), watermark=checkpoint(scene).coverage.watermark)
    assert source.requests == 1


@pytest.mark.parametrize("dialect", PRESETS)
async def test_an_output_is_new_as_soon_as_it_has_settled_on_the_axis_of_the_archive(dialect: str) -> None:
    scene = await archived(dialect)
    axis = checkpoint(scene).axis
    requested, done = scene.clock.now(), completed(scene)
    instant = done if axis is Axis.COMPLETED else requested
    scene.clock.advance(instant + axis.settling - scene.clock.now())
    assert not await look(scene)
    scene.clock.advance(SECOND)
    source = asked(scene)
    found = await look(scene, source)
    assert (found.seen, found.oldest, source.requests) == (1, instant, 1)
    assert found.watermark == checkpoint(scene).coverage.watermark
    assert (await scene.run()).copied == 1
    assert not await look(scene)


@pytest.mark.parametrize("dialect", PRESETS)
async def test_without_an_archive_every_settled_output_is_new(dialect: str) -> None:
    scene = Scene(a_world(), PRESETS[dialect])
    source = asked(scene)
    found = await look(scene, source)
    assert (bool(found), found.watermark, source.requests) == (True, None, 1)


async def test_without_an_archive_and_without_outputs_nothing_is_new() -> None:
    scene = Scene(a_world(outputs=0))
    assert not await look(scene)


async def test_behind_a_gap_without_outputs_new_ones_are_found_by_a_second_request() -> None:
    """Two stretches of coverage, as two workers of a backfill leave them; nothing was created in between."""
    scene = Scene(a_world(future=0))
    scene.clock.advance(timedelta(hours=1))
    present = scene.simulated.present
    await scene.run(end=present + timedelta(minutes=10))
    await scene.run(start=present + timedelta(minutes=20))
    assert len(checkpoint(scene).coverage.windows) == 2
    source = asked(scene)
    assert not await look(scene, source)
    assert source.requests == 1

    for _ in range(60):
        completed(scene)
        scene.clock.advance(timedelta(minutes=1))
    await scene.run(start=present + timedelta(minutes=20))
    source = asked(scene)
    assert not await look(scene, source)
    assert source.requests == 2
    completed(scene)
    scene.clock.advance(timedelta(minutes=1))
    assert (await look(scene)).seen == 1


async def test_outputs_before_the_beginning_of_an_archive_are_not_new() -> None:
    scene = Scene(a_world(future=0))
    scene.clock.advance(timedelta(hours=1))
    await scene.run(start=scene.simulated.present - timedelta(days=1))
    assert not await look(scene)


async def test_a_source_that_is_down_is_an_error() -> None:
    scene = await archived("current")
    scene.source_dies_after = 0
    with pytest.raises(SourceUnavailable):
        await look(scene)
