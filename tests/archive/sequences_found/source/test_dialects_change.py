"""A place that differs is remembered while the source's counts honour dates; then they no longer do."""

from __future__ import annotations

from typing import Any

import pytest

from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, Dialect
from support.stage import DAY, HOUR, NOON, Stage, days_of, stage_of


async def with_a_difference() -> tuple[Stage, str]:
    """An archive whose listing omits one output of an old day, and that output's id."""
    stage = stage_of(*days_of(20, 4))
    hidden = stage.simulated.visible(NOON)[5].id

    def hide(document: dict[str, Any]) -> None:
        document["outputs"] = [output for output in document["outputs"] if output["id"] != hidden]

    stage.spoil = hide
    assert (await stage.run()).outcome == "not proven"
    assert (await stage.status()).differences
    return stage, hidden


@pytest.mark.parametrize("with_a_deletion", [False, True])
async def test_a_difference_is_settled_without_counts_of_its_place(with_a_deletion: bool) -> None:
    stage, hidden = await with_a_difference()
    stage.spoil, stage.dialect = None, DOCUMENTED
    if with_a_deletion:
        stage.simulated.delete(stage.simulated.visible(NOON)[6].id, NOON + HOUR)
    assert (await stage.ordinary_runs(9))[-1].outcome == "proven"
    assert (hidden, "original") in await stage.rows()
    await stage.assert_nothing_lost()


@pytest.mark.parametrize("dialect", [DOCUMENTED, CURRENT], ids=["documented", "current"])
async def test_a_difference_that_stays_is_not_forgotten(dialect: Dialect) -> None:
    stage, _ = await with_a_difference()
    stage.dialect = dialect
    stage.clock.advance(DAY)
    for report in await stage.ordinary_runs(5):
        assert report.outcome == "not proven"
        assert report.differences
