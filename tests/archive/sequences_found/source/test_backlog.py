"""Requests of several days waited in the service's queue and completed together: a page shows them before all others."""

from __future__ import annotations

import pytest

from stablecog_provider.model.object_keys import Rendition
from support.stage import DAY, HOUR, NOON, stage_of


@pytest.mark.long
async def test_a_backlog_makes_no_slice_crowded() -> None:
    """Two outputs a day: a page spans 150 days, and nothing is dense."""
    stage = stage_of(*[DAY * day + HOUR * at for day in range(2, 202) for at in (1, 2)])
    for day in range(196, 201):
        stage.simulated.add(NOON - DAY * day, NOON - DAY * 193)
    reports = [await stage.checked_run(), *await stage.ordinary_runs(25)]
    assert {report.outcome for report in reports} == {"proven"}
    assert max(report.source_requests for report in reports[2:]) < 15


@pytest.mark.long
@pytest.mark.parametrize("waited", [1, 5])
async def test_a_backlog_at_the_end_does_not_stop_the_second_reading(waited: int) -> None:
    """The newest outputs are the backlog, and nothing new follows for months."""
    stage = stage_of(*[DAY * day for day in range(10, 40)])
    for day in range(waited):
        stage.simulated.add(NOON - DAY * (4 + day), NOON - DAY * 3)
    await stage.checked_run()
    await stage.ordinary_runs(20)
    early = stage.simulated.visible(NOON)[2]
    early.upscaled_at = stage.clock.now() + HOUR
    await stage.ordinary_runs(20)
    assert (early.id, Rendition.UPSCALED) in await stage.rows()
