"""A remembered place that reaches back to the beginning, and is empty but for some days, is settled by one run."""

from __future__ import annotations

from dataclasses import replace

from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.counts import Difference
from stablecog_provider.model.times import BEGINNING
from support.scene import LAYOUT
from support.stage import DAY, NOON, days_of, stage_of


async def test_years_without_outputs_cost_no_requests() -> None:
    """Found by the random sequences: 13 pieces of 26 days per run, each counted and read again."""
    stage = stage_of(*days_of(10, 4))
    await stage.run()
    kept = stage.store.objects[LAYOUT.checkpoint]
    known = Checkpoint.from_json(kept.body)
    # The source has counted one less there since: one may have been deleted while another one is missing.
    place = Difference(BEGINNING, NOON - 2 * DAY, 21, 20, NOON, NOON)
    body = replace(known, differences=(place,)).to_json()
    stage.store.objects[LAYOUT.checkpoint] = replace(kept, body=body)
    stage.clock.advance(DAY)
    report = await stage.run()
    assert (report.outcome, report.differences) == ("proven", ()), report.explain()
    assert report.source_requests <= 12
