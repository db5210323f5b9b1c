"""A host is down for some runs and comes back, but the images of one day stay broken. It serves all others."""

from __future__ import annotations

import pytest

from stablecog_provider.errors import SourceUnavailable
from stablecog_provider.model.object_keys import Rendition
from support.stage import DAY, NOON, days_of, stage_of


@pytest.mark.long
async def test_images_that_their_host_serves_do_not_wait_behind_broken_ones() -> None:
    stage = stage_of(*days_of(40, 25))
    stage.images.down["simulated.test"] = SourceUnavailable("503")
    await stage.checked_run()
    await stage.ordinary_runs(2)
    stage.images.down.clear()
    broken = [output for output in stage.simulated.visible(NOON) if 20.5 * DAY < NOON - output.g < 21.5 * DAY]
    assert len(broken) == 40
    for output in broken:
        stage.images.broken[output.file_name(Rendition.ORIGINAL)] = SourceUnavailable("500: disk error")
    await stage.ordinary_runs(8)
    await stage.assert_nothing_lost(without_image=[output.id for output in broken])
