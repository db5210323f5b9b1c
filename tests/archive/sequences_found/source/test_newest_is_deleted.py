"""The newest output is deleted just after the source was asked what it can do, and `next` is opaque."""

from __future__ import annotations

from dataclasses import replace

from stablecog_provider.model.page import Page, PageQuery
from stablecog_provider.simulator.dialect import CURRENT, CursorKey
from support.stage import DAY, HOUR, NOON, Ask, days_of, stage_of

OPAQUE = replace(CURRENT, cursor=CursorKey.OPAQUE)


async def test_a_deletion_is_no_outdated_server() -> None:
    stage = stage_of(*days_of(20, 10), dialect=OPAQUE)
    await stage.checked_run()
    (newest,) = stage.simulated.add(NOON + HOUR)

    async def delete_it(query: PageQuery, ask: Ask) -> Page:
        page = await ask(query)
        stage.simulated.delete(newest.id, stage.clock.now())
        return page

    stage.clock.advance(DAY)
    stage.play = delete_it
    assert (await stage.checked_run()).outcome == "proven"
