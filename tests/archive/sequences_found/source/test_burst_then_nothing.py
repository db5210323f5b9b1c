"""Several pages of outputs completed within a few minutes, and nothing was made since: the second reading goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stablecog_provider.model.object_keys import Rendition
from support.stage import DAY, HOUR, NOON, Stage, days_of, every, stage_of
from support.worlds import checkpoint


def a_burst(step: timedelta, count: int) -> Stage:
    return stage_of(*days_of(20, 5), *every(step, count, 3 * HOUR))


@pytest.mark.parametrize(("step", "count"), [(timedelta(seconds=0.3), 900), (timedelta(milliseconds=1), 700)])
@pytest.mark.long
async def test_upscales_are_found_in_every_round(step: timedelta, count: int) -> None:
    stage = a_burst(step, count)
    await stage.checked_run()
    outputs = stage.simulated.visible(NOON)
    for output in (outputs[2], outputs[400], outputs[-1]):
        output.upscaled_at = stage.clock.now() + HOUR
        # The probe's page was the same in every run, and ended before the position: no round ever came to its end.
        await stage.ordinary_runs(16)
        assert (output.id, Rendition.UPSCALED) in await stage.rows()


async def test_a_refresh_comes_to_its_end() -> None:
    stage = a_burst(timedelta(seconds=0.3), 900)
    await stage.checked_run()
    stage.clock.advance(DAY)
    report = await stage.refresh()
    assert report.sweep.rounds == 1
    assert checkpoint(stage).sweep.oldest == stage.clock.now()
