"""A partition that the administrator changes while a run is at work: after its inventory, before it writes that partition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.archive.committing.intent import intended_days
from stablecog_provider.errors import ArchiveDamaged, ImageRejected
from stablecog_provider.model.checkpoint import Checkpoint
from support.killed import Killed
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, Stage, days_of, stage_of


def once_written(stage: Stage, prefix: str, act: Callable[[], object]) -> None:
    """`act` once the run has written an object below the prefix: an image, say, so that it is at work."""

    def meanwhile(call: Call) -> None:
        if call.operation == "put" and call.key.startswith(prefix):
            stage.store.after = None
            act()

    stage.store.after = meanwhile


def killed_at(place: Call) -> Callable[[Call], None]:
    def killed(call: Call) -> None:
        if call == place:
            raise Killed

    return killed


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
    once_written(stage, LAYOUT.images, lambda: stage.store.objects.pop(key))
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


@pytest.mark.parametrize("killed", [False, True], ids=["", "after a run that had announced it was killed"])
async def test_a_partition_restored_during_a_run_is_read_again(killed: bool) -> None:
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
    if killed:
        stage.store.before = killed_at(Call("put", key))
        with pytest.raises(Killed):
            await stage.run(lookback=HOUR)
        stage.store.before = None
        assert intended_days(Checkpoint.from_json(stage.store.objects[LAYOUT.checkpoint].body)) == {day}
        stage.clock.advance(HOUR / 12)
    # What the killed run stored is not stored again: its successor first announces what it writes.
    begun = LAYOUT.checkpoint if killed else LAYOUT.images
    once_written(stage, begun, lambda: stage.store.objects.__setitem__(key, earlier))
    await stage.run(lookback=HOUR)

    assert {(output_id, "upscaled") for output_id in ids[:5]} <= (await stage.rows()).keys()
