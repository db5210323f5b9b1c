"""The key of a colleague who shares some outputs is refused, however little is known of where the archive is complete."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stablecog_provider.errors import AnotherAccount
from stablecog_provider.simulator.dialect import CURRENT, CursorKey, Dialect
from stablecog_provider.simulator.world import DEFAULT_KEY, World
from support.archived import partitions, put
from support.scene import Scene
from support.worlds import DAY

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
OPAQUE = replace(CURRENT, cursor=CursorKey.OPAQUE)


@pytest.mark.parametrize("dialect", [CURRENT, OPAQUE], ids=["current", "opaque"])
async def test_a_colleagues_key_is_refused_in_a_copied_bucket(dialect: Dialect) -> None:
    """All days are to be read again, so nobody knows where the archive is complete: what is listed besides proves nothing."""
    world, colleague = World.empty(NOON), World.empty(NOON)
    for days in (4, 3, 2, 1):
        for number in range(10):
            at = NOON - days * DAY + timedelta(minutes=number)
            made = world.add(at, at + timedelta(seconds=9))
            if number < 3:
                colleague.accounts[DEFAULT_KEY].listing.add(made[0])
            elif number < 5:
                colleague.add(at, at + timedelta(seconds=9))
    scene = Scene(world, dialect)
    await scene.run()
    for key in partitions(scene):
        put(scene, key, scene.store.objects[key].body)
    scene.simulated = colleague
    objects = dict(scene.store.objects)
    with pytest.raises(AnotherAccount):
        await scene.run()
    assert scene.store.objects == objects
    scene.simulated = world
    scene.clock.advance(DAY)
    assert (await scene.run()).outcome == "proven"
