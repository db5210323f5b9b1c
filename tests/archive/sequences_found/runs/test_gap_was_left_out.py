"""A comparison of two parts says nothing of the gap between them, also once something has read it."""

from __future__ import annotations

from typing import Any

import pytest

from stablecog_provider.model.page import Page, PageQuery
from support.killed import Killed
from support.stage import DAY, NOON, Ask, Stage, days_of, stage_of

FIRST, LAST = NOON - 7.5 * DAY, NOON - 3.5 * DAY


async def _in_two_parts() -> Stage:
    stage = stage_of(*days_of(20, 10))
    await stage.run(end=FIRST)
    await stage.run(start=LAST)
    assert (await stage.refresh()).outcome == "proven, in part"
    return stage


async def test_a_gap_that_is_read_by_a_run_that_is_killed_is_not_proven() -> None:
    """An outdated server shows nothing in the gap, and the run is killed before it compares the counts."""
    stage = await _in_two_parts()
    between = {output.id for output in stage.simulated.visible(NOON) if FIRST <= output.o < LAST}

    def hide(document: dict[str, Any]) -> None:
        document["outputs"] = [output for output in document["outputs"] if output["id"] not in between]

    async def until_it_counts(query: PageQuery, ask: Ask) -> Page:
        if query.end is not None:
            raise Killed
        return await ask(query)

    stage.spoil, stage.play = hide, until_it_counts
    with pytest.raises(Killed):
        await stage.run(start=FIRST, end=LAST)
    assert (await stage.status()).outcome == "proven, in part"
    stage.spoil = stage.play = None
    (report,) = await stage.ordinary_runs(1)
    assert report.outcome == "proven"
    await stage.assert_nothing_lost()


async def test_the_report_says_that_a_period_was_left_out() -> None:
    stage = await _in_two_parts()
    assert "(without 1 period that was not covered)" in "\n".join((await stage.status()).explain())
