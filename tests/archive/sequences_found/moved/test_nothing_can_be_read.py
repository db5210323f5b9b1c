"""No partition can be read, and the source has changed how it lists, so the samples of the account are gone, too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import AnotherAccount, ObjectInArchiveClass
from stablecog_provider.simulator.dialect import CURRENT, CursorKey
from stablecog_provider.simulator.world import World
from support.scene import LAYOUT
from support.stage import DAY, NOON, Stage, days_of, stage_of


def _cold(stage: Stage) -> None:
    frozen = {key for key in stage.store.objects if LAYOUT.parse_partition(key)}

    def refuse(call: Call) -> None:
        if call.operation == "get" and call.key in frozen:
            raise ObjectInArchiveClass(f"s3://archive/{call.key}: 403 InvalidObjectState", hint="restore it in S3")

    stage.store.before = refuse


async def test_another_key_is_refused_until_something_can_be_read() -> None:
    stage = stage_of(*days_of(4, 4))
    await stage.run()
    ours, theirs = stage.simulated, World.empty(NOON)
    for number in range(12):
        at = NOON - DAY + timedelta(minutes=number)
        theirs.add(at, at + timedelta(seconds=9))
    _cold(stage)
    stage.dialect = replace(CURRENT, cursor=CursorKey.REQUESTED)
    stage.clock.advance(DAY)
    for account in (theirs, ours):
        stage.simulated = account
        with pytest.raises(AnotherAccount, match="4 partitions cannot be read"):
            await stage.run()
    stage.store.before = None
    assert (await stage.run()).outcome == "proven"
