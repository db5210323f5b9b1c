"""Outputs that do not say when they completed, and a cursor by completion: the documented fields, of the current server."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from stablecog_provider.simulator.dialect import Ascending, Dialect
from support.stage import DAY, HOUR, NOON, every, stage_of


@pytest.mark.parametrize("counts_by_date", [True, False])
async def test_what_is_in_flight_at_the_edge_of_a_page_is_archived(counts_by_date: bool) -> None:
    dialect = Dialect(output_times=False, ascending=Ascending.IGNORED, counts_by_date=counts_by_date)
    stage = stage_of(*every(timedelta(seconds=7), 1_500, DAY), dialect=dialect)
    random = Random(3)
    for output in stage.simulated.visible(NOON):
        output.created_at = output.g + timedelta(seconds=random.uniform(2, 250))
    stage.clock.advance(HOUR)
    assert (await stage.checked_run()).outcome == "proven"
    await stage.assert_nothing_lost()
