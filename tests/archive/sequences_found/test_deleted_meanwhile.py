"""An output that the run has seen may be deleted before the run reads its place: that is no outdated server."""

from __future__ import annotations

import pytest

from stablecog_provider.model.page import Page, PageQuery
from stablecog_provider.simulator.dialect import PRESETS
from support.stage import HOUR, NOON, Ask, days_of, stage_of


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
