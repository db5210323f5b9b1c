"""More outputs of one instant than fit on a page: without counts by date, they must not hide what happens elsewhere."""

from __future__ import annotations

from datetime import timedelta

from stablecog_provider.simulator.dialect import DOCUMENTED
from support.stage import DAY, NOON, days_of, stage_of


async def test_a_deletion_beside_a_crowded_instant_is_marked() -> None:
    """The outputs of the instant were archived by a source that could show them all."""
    stage = stage_of(*days_of(20, 3))
    for _ in range(320):
        stage.simulated.add(NOON - DAY, NOON - DAY + timedelta(seconds=9))
    stage.clock.advance(timedelta(hours=1))
    await stage.ordinary_runs(3)
    stage.dialect = DOCUMENTED
    deleted = stage.simulated.visible(NOON)[4]
    stage.simulated.delete(deleted.id, stage.clock.now())
    await stage.ordinary_runs(5)
    assert (await stage.rows())[deleted.id, "original"].deleted_at is not None
    assert sum(row.deleted_at is not None for row in (await stage.rows()).values()) == 1
