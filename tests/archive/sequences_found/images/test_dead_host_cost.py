"""What a host costs that is down for good."""

from __future__ import annotations

import pytest

from stablecog_provider.errors import SourceUnavailable
from stablecog_provider.model.object_keys import Rendition
from support.stage import DAY, NOON, every, stage_of


@pytest.mark.long
async def test_a_host_that_is_down_for_good_costs_ever_fewer_requests() -> None:
    """40 daily outputs, all on it: after 12 daily runs, an idle one must not read the whole manifest."""
    stage = stage_of(*every(DAY, 40, DAY * 40))
    for output in stage.simulated.visible(NOON):
        stage.images.broken[output.file_name(Rendition.ORIGINAL)] = SourceUnavailable("cannot connect")
    reports = [await stage.run(), *await stage.ordinary_runs(12)]
    told = [each.store_requests for each in reports]
    assert told[-1] < told[1] / 4, told
