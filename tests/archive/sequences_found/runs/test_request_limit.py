"""The limit that a report names holds when ordinary events come at a bad time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stablecog_provider.model.page import Page, PageQuery
from stablecog_provider.simulator.dialect import CURRENT, Ascending
from stablecog_provider.simulator.world import World
from support.stage import DAY, HOUR, NOON, Ask, Stage, days_of, every, stage_of

MINUTE = timedelta(minutes=1)


async def test_many_unreadable_outputs_apart_from_each_other() -> None:
    """Each is a window to read again: those that fit on a page are read together, and few are compared on their own."""
    stage = stage_of(*every(HOUR / 2, 300, 9 * DAY))
    unreadable = {output.id for output in stage.simulated.visible(NOON)[::2]}

    def garble(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            if output["id"] in unreadable:
                output["image_url"] = None

    stage.spoil = garble
    await stage.run()
    stage.simulated.add(NOON + HOUR)
    await stage.ordinary_runs(1)


async def test_a_bulk_deletion_during_a_run() -> None:
    """One page settles all outputs that the probe saw and the walk lacks."""
    stage = stage_of(*every(MINUTE, 280, 8 * HOUR))
    await stage.run()
    asked = 0

    async def play(query: PageQuery, ask: Ask) -> Page:
        nonlocal asked
        asked += 1
        if asked == 3:
            for output in stage.simulated.visible(NOON)[40:]:
                stage.simulated.delete(output.id, stage.clock.now())
        return await ask(query)

    stage.play = play
    await stage.ordinary_runs(1, every=HOUR)


@pytest.mark.long
async def test_a_source_that_serves_smaller_pages_than_asked_for() -> None:
    """The limit counts pages as they were served, not as they were asked for."""
    stage = stage_of(*days_of(1000, 6))

    async def play(query: PageQuery, ask: Ask) -> Page:
        return await ask(replace(query, per_page=min(query.per_page or 20, 20)))

    stage.play = play
    report = await stage.run()
    assert report.source_requests <= report.request_limit, (report.source_requests, report.request_limit)


@pytest.mark.long
async def test_a_dense_account_whose_source_does_not_rise() -> None:
    """Each page begins with the overlap that suited the one before, so that few are asked for twice."""
    world = World.generate(seed=3, outputs=8000, days=0, every=0.05, quiet=True, future=0, start=NOON)
    stage = Stage(world, replace(CURRENT, ascending=Ascending.IGNORED))
    stage.clock.advance(HOUR)
    report = await stage.run()
    assert report.source_requests <= report.request_limit, (report.source_requests, report.request_limit)
