"""Partitions are restored from a backup. A run notes it and is cut short. Then somebody rebuilds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import MemoryObject
from stablecog_provider.errors import SourceUnavailable
from support.scene import LAYOUT
from support.stage import DAY, HOUR, stage_of

DAYS, PER_RUN = 6, 10


async def test_the_account_is_not_taken_for_another() -> None:
    """Ten outputs a day are archived in the morning, ten more in the evening. The backup has each morning's partition."""
    stage = stage_of()
    mornings: dict[str, MemoryObject] = {}
    for _ in range(DAYS):
        for _ in range(2):
            for number in range(PER_RUN):
                at = stage.clock.now() - HOUR + timedelta(minutes=number)
                stage.simulated.add(at, at + timedelta(minutes=1))
            await stage.checked_run()
            for key, held in stage.store.objects.items():
                if key.startswith(LAYOUT.manifest):
                    mornings.setdefault(key, held)
            stage.clock.advance(5 * HOUR)
        stage.clock.advance(DAY - 10 * HOUR)
    await stage.ordinary_runs(2)
    stage.store.objects.update(mornings)
    stage.clock.advance(DAY)
    stage.source_dies_after = 6
    with pytest.raises(SourceUnavailable):
        await stage.run()
    stage.source_dies_after = None
    await stage.rebuild(check_images=True)
    reports = await stage.ordinary_runs(3)
    assert reports[-1].outcome == "proven"
    await stage.assert_nothing_lost()
