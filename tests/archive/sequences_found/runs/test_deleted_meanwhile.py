"""An output that the run has seen may be deleted before the run reads its place: that is no outdated server."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stablecog_provider.model.page import Page, PageQuery
from stablecog_provider.simulator.dialect import PRESETS
from support.stage import HOUR, NOON, Ask, days_of, every, stage_of


@pytest.mark.parametrize("dialect", PRESETS)
@pytest.mark.parametrize("answered", [2, 3])
async def test_an_output_deleted_after_it_was_seen_stops_no_run(dialect: str, answered: int) -> None:
    stage = stage_of(*days_of(6, 3), dialect=PRESETS[dialect])
    asked = 0

    async def play(query: PageQuery, ask: Ask) -> Page:
        nonlocal asked
        asked += 1
        if asked == answered + 1:
            outputs = sorted(stage.simulated.visible(NOON), key=lambda output: output.g)
            for output in (outputs[0], outputs[1], outputs[-1]):
                stage.simulated.delete(output.id, NOON - HOUR)
        return await ask(query)

    stage.play = play
    await stage.run()
    stage.play = None
    assert (await stage.ordinary_runs(2))[-1].outcome == "proven"
    await stage.assert_nothing_lost()


async def test_the_oldest_output_deleted_after_it_was_seen_stops_no_run() -> None:
    """Nothing is listed below it any more: the page that settles it lists the outputs above."""
    stage = stage_of(*every(timedelta(minutes=1), 30, 8 * HOUR))
    await stage.run()
    asked = 0

    async def play(query: PageQuery, ask: Ask) -> Page:
        nonlocal asked
        asked += 1
        if asked == 3:
            stage.simulated.delete(stage.simulated.visible(NOON)[0].id, stage.clock.now())
        return await ask(query)

    stage.play = play
    await stage.ordinary_runs(1, every=HOUR)
