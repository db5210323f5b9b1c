"""A partition that the administrator changes while a run is at work: after its inventory, before it writes that partition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import ArchiveDamaged, ImageRejected
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, Stage, days_of, stage_of


def once_an_image_is_stored(stage: Stage, act: Callable[[], object]) -> None:
    """`act` while the run copies its first image."""

    def meanwhile(call: Call) -> None:
        if call.operation == "put" and call.key.startswith(LAYOUT.images):
            stage.store.after = None
            act()

    stage.store.after = meanwhile


async def _with_deleted_outputs() -> tuple[Stage, str]:
    """A proven archive whose newest partition holds the only record of three outputs, and that has an upscale to add to it."""
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    newest = stage.simulated.visible(NOON)[-10:]
    for victim in newest[:3]:
        stage.simulated.delete(victim.id, NOON + HOUR)
    await stage.ordinary_runs(3)
    stage.simulated.upscale(newest[5].id, stage.clock.now())
    stage.clock.advance(DAY)
    return stage, LAYOUT.partition(newest[5].g.date())


async def test_a_partition_deleted_during_a_run_is_missed() -> None:
    stage, key = await _with_deleted_outputs()
    once_an_image_is_stored(stage, lambda: stage.store.objects.pop(key))
    with pytest.raises(ArchiveDamaged, match="missing"):
        await stage.run(lookback=30 * DAY)
    # A new partition in its place would have hidden the loss.
    assert key not in stage.store.objects


async def test_a_partition_deleted_between_two_saves_is_missed() -> None:
    """The run loses its place in the checkpoint to another one; the partition is deleted before the run looks again."""
    stage, key = await _with_deleted_outputs()
    written: list[Call] = []

    def act(call: Call) -> None:
        if call == Call("put", key):
            written.append(call)
        elif call == Call("put", LAYOUT.checkpoint) and written:
            stage.store.before = None
            stage.store.objects[LAYOUT.checkpoint] = replace(
                stage.store.objects[LAYOUT.checkpoint], version="another run's"
            )
            del stage.store.objects[key]

    stage.store.before = act
    with pytest.raises(ArchiveDamaged, match="missing"):
        await stage.run(lookback=30 * DAY)
    assert (await stage.status()).missing


async def test_a_partition_restored_during_a_run_is_read_again() -> None:
    """An image of that day is due for another attempt, so that the run writes the partition on top of the earlier version."""
    stage = stage_of(*days_of(150, 6))
    await stage.checked_run()
    day = min(output.g for output in stage.simulated.visible(NOON)).date()
    key, ids = LAYOUT.partition(day), [each.id for each in stage.simulated.visible(NOON) if each.g.date() == day]
    earlier = stage.store.objects[key]
    for output_id in ids[:5]:
        stage.simulated.upscale(output_id, NOON + HOUR)
    stage.clock.advance(2 * HOUR)
    await stage.run(lookback=30 * DAY)
    # A check of images finds one missing, and its host does not serve it for a while.
    victim = (await stage.rows())[ids[20], "original"]
    del stage.store.objects[(victim.uri or "").removeprefix("s3://archive/")]
    await stage.rebuild(check_images=True)
    name = PurePosixPath(victim.source_url or "").name
    stage.images.broken[name] = ImageRejected("broken for a while")
    await stage.ordinary_runs(8, every=6 * HOUR)
    del stage.images.broken[name]
    stage.clock.advance(8 * DAY)
    once_an_image_is_stored(stage, lambda: stage.store.objects.__setitem__(key, earlier))
    await stage.run(lookback=HOUR)

    assert {(output_id, "upscaled") for output_id in ids[:5]} <= (await stage.rows()).keys()
