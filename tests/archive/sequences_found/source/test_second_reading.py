"""The rotating second reading goes round and round, whatever the account looks like."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stablecog_provider.simulator.dialect import CURRENT, CursorKey, Dialect
from stablecog_provider.simulator.world import World
from support.scene import Scene
from support.worlds import DAY, checkpoint

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BY_REQUEST = replace(CURRENT, cursor=CursorKey.REQUESTED)


def an_old_account(at_once: int = 1, dialect: Dialect = CURRENT) -> Scene:
    """The last output is a week old. On the second of three days, so many were made at one instant."""
    world = World.empty(NOON)
    for days in (9, 8, 7):
        at = NOON - days * DAY
        world.add(at, *[at + timedelta(seconds=9)] * (at_once if days == 8 else 1))
    return Scene(world, dialect)


@pytest.mark.parametrize("dialect", [CURRENT, BY_REQUEST], ids=["by completion", "by request"])
@pytest.mark.long
@pytest.mark.parametrize("at_once", [1, 320])
async def test_every_upscale_is_found_however_late_it_comes(dialect: Dialect, at_once: int) -> None:
    """The runs extend coverage while the slices follow it: a round ends all the same, and the next one begins."""
    scene = an_old_account(at_once, dialect)
    outputs = scene.simulated.visible(NOON)
    for turn, output in enumerate((outputs[0], outputs[-1], outputs[0])):
        output.upscaled_at = scene.clock.now()
        for _ in range(12):
            await scene.run()
            scene.clock.advance(DAY)
        assert (output.id, "upscaled") in await scene.rows(), turn
    assert checkpoint(scene).sweep.rounds >= 3


async def test_a_round_is_as_old_as_its_beginning() -> None:
    scene = an_old_account()
    await scene.run()
    for _ in range(6):
        scene.clock.advance(DAY)
        await scene.run()
    oldest = checkpoint(scene).sweep.oldest
    assert oldest is not None
    assert scene.clock.now() - oldest < 6 * DAY
