"""A run after a verify that found damage and repaired nothing. The daily run is what people look at."""

from __future__ import annotations

import pytest

from stablecog_provider.archive.reports.refresh import RefreshReport
from stablecog_provider.archive.reports.run import RunReport
from support.injured import lose, rows_of
from support.stage import Stage, days_of, stage_of


async def _again(stage: Stage, command: str) -> RunReport | RefreshReport:
    return await stage.refresh() if command == "refresh" else await stage.checked_run()


@pytest.mark.parametrize("command", ["run", "refresh"])
async def test_it_does_not_call_proven_what_the_archive_knows_to_be_damaged(command: str) -> None:
    stage = stage_of(*days_of(20, 3))
    await stage.ordinary_runs(1)
    lose(stage, (await rows_of(stage))[3])
    assert (await stage.verify()).outcome == "damaged"
    report = await _again(stage, command)
    assert (report.outcome, report.exit_code) == ("proven, with failed images", 3)
    assert "found damage: 1 missing." in " ".join(report.explain())
    assert "verify --repair" in " ".join(report.explain())
    assert (await stage.verify(repair=True)).outcome == "repaired"
    assert (await _again(stage, command)).outcome == "proven"
    await stage.assert_nothing_lost()
