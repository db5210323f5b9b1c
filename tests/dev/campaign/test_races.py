"""A slice of the races, and the bugs that they found, repeated in memory."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from dev.campaign.kills.inspection import Seen
from dev.campaign.kills.races import SECTION, Races
from dev.campaign.kills.stage import Stage, Story
from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import ImageRejected
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.simulator.world import World
from support.scene import LAYOUT, Scene


def test_a_slice_of_the_races(running_stage: Stage, truths: dict[Story, Seen]) -> None:
    races = Races(running_stage, truths)
    races.run(Random("tests"), SECTION.slice)
    assert races.tally.tried == SECTION.slice
    assert races.tally.clean, races.tally.faults


async def test_a_first_run_that_starts_during_another_ones_inventory_loses_nothing() -> None:
    scene = Scene(World.generate(seed=5, outputs=20, days=2, quiet=True))

    async def another_run(call: Call) -> None:
        if call == Call("list", LAYOUT.manifest):
            scene.store.before = None
            await scene.run()

    scene.store.before = another_run
    report = await scene.run()
    assert scene.store.before is None
    assert report.outcome == "proven"


async def test_the_counts_of_another_run_are_not_overwritten() -> None:
    scene = Scene(World.generate(seed=5, outputs=20, days=1, future=8, quiet=True))
    scene.clock.advance(timedelta(minutes=10))
    (failing, *_) = scene.simulated.visible(scene.clock.now())
    scene.images.broken[failing.file_name(Rendition.ORIGINAL)] = ImageRejected("not an image")
    assert (await scene.run()).pending_retries == 1
    scene.images.broken.clear()
    later = scene.simulated.add(scene.clock.now() + timedelta(seconds=5))

    async def another_run(call: Call) -> None:
        if call == Call("put", LAYOUT.checkpoint):
            scene.store.before = None
            scene.clock.advance(timedelta(hours=2))
            assert (await scene.run()).pending_retries == 0

    scene.clock.advance(timedelta(minutes=10))
    scene.store.before = another_run
    report = await scene.run()
    assert scene.store.before is None
    assert report.outcome == "proven"
    checkpoint = Checkpoint.from_json(scene.store.objects[LAYOUT.checkpoint].body)
    assert checkpoint.due == {}
    assert (later[0].id, "original") in await scene.rows()
