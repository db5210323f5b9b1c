"""The sensor, once the source has changed how it lists. If the sensor replaces a schedule, nothing else starts a run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stablecog_provider.archive.new_outputs import new_outputs
from stablecog_provider.errors import SourceContradiction
from stablecog_provider.model.page import Page, PageQuery
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, Ascending, CursorKey, Dialect
from stablecog_provider.simulator.listing import QueryRefused
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, Ask, Stage, days_of, stage_of


async def _refused(query: PageQuery, ask: Ask) -> Page:
    """Translate a 400, as the API's client does."""
    try:
        return await ask(query)
    except QueryRefused as refused:
        raise SourceContradiction(f"400: {refused}") from None


async def _new(stage: Stage) -> int:
    return (await new_outputs(stage._asked_anew(), stage.store, stage.our_clock, LAYOUT)).seen


@pytest.mark.parametrize(
    "dialect",
    [
        replace(CURRENT, output_times=False),
        replace(CURRENT, output_times=False, ascending=Ascending.IGNORED),
        replace(CURRENT, cursor=CursorKey.OPAQUE, output_times=False),
        replace(CURRENT, cursor=CursorKey.OPAQUE),
        DOCUMENTED,
    ],
)
async def test_it_starts_a_run_that_goes_on_in_the_other_dialect(dialect: Dialect) -> None:
    stage = stage_of(*days_of(20, 4))
    await stage.checked_run()
    stage.clock.advance(HOUR)
    stage.dialect, stage.play = dialect, _refused
    assert not await _new(stage)
    (new,) = stage.simulated.add(NOON + HOUR, NOON + HOUR)
    stage.clock.advance(DAY)
    assert await _new(stage) == 1
    await stage.checked_run()
    assert (new.id, "original") in await stage.rows()
    assert not await _new(stage)
