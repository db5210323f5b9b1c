"""No partition can be read, and the source has changed how it lists, so the samples of the account are gone, too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from stablecog_provider.errors import AnotherAccount
from stablecog_provider.simulator.dialect import CURRENT, CursorKey
from stablecog_provider.simulator.world import World
from support.injured import freeze
from support.scene import LAYOUT
from support.stage import DAY, NOON, days_of, stage_of


async def test_another_key_is_refused_until_something_can_be_read() -> None:
    stage = stage_of(*days_of(4, 4))
    await stage.run()
    ours, theirs = stage.simulated, World.empty(NOON)
    for number in range(12):
        at = NOON - DAY + timedelta(minutes=number)
        theirs.add(at, at + timedelta(seconds=9))
    freeze(stage, *(day for key in stage.store.objects if (day := LAYOUT.parse_partition(key))))
    stage.dialect = replace(CURRENT, cursor=CursorKey.REQUESTED)
    stage.clock.advance(DAY)
    for account in (theirs, ours):
        stage.simulated = account
        with pytest.raises(AnotherAccount, match="4 partitions cannot be read"):
            await stage.run()
    stage.store.before = None
    assert (await stage.run()).outcome == "proven"
