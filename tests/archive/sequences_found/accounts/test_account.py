"""The key of a colleague who shares some outputs is refused, however little is known of where the archive is complete."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

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


async def test_who_is_let_in_once_need_not_be_let_in_again() -> None:
    """As many outputs were released as were deleted, in a small account: no count differs, and a quarter looks foreign."""
    world = World.empty(NOON)
    for days in range(12, 0, -1):
        at = NOON - days * DAY
        world.add(at, *[at + timedelta(seconds=9)] * (2 if days % 4 == 0 else 1))
    outputs = world.visible(NOON)
    hidden = [one for one, other in pairwise(outputs) if one.g == other.g]
    deleted = [output for output in outputs if output not in hidden][1::4]
    for output in hidden:
        output.deleted_at = NOON - timedelta(hours=1)
    scene = Scene(world)
    await scene.run()
    for output in hidden:
        output.deleted_at = None
    for output in deleted:
        output.deleted_at = NOON
    scene.clock.advance(DAY)
    with pytest.raises(AnotherAccount):
        await scene.run()
    report = await scene.run(allow_account_mismatch=True)
    assert any("Everything was read again" in line for line in report.explain())
    for _ in range(3):
        assert (await scene.run()).outcome == "proven"
    assert {output.id for output in hidden} <= {output_id for output_id, _ in await scene.rows()}


async def test_one_released_output_is_no_other_account() -> None:
    world = World.empty(NOON)
    for days in range(5, 0, -1):
        world.add(NOON - days * DAY)
    hidden = world.visible(NOON)[2]
    hidden.deleted_at = NOON - 2 * DAY
    scene = Scene(world)
    await scene.run()
    world.visible(NOON)[0].deleted_at, hidden.deleted_at = NOON, None
    for _ in range(4):
        scene.clock.advance(DAY)
        report = await scene.run()
    assert report.outcome == "proven"
    assert (hidden.id, "original") in await scene.rows()
