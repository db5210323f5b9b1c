"""A valid partition of another tool's making, with a text that is no list of images in `earlier_images`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from support.scene import LAYOUT
from support.stage import HOUR, NOON, days_of, stage_of


@pytest.mark.parametrize("text", ["nan", "[1]", '[{"uri": "x"}]', "{}x", "[[]]"])
async def test_it_is_damage_and_the_hint_leads_on(text: str) -> None:
    stage = stage_of(*days_of(20, 4))
    await stage.checked_run()
    manifest = ParquetManifest(stage.store, LAYOUT)
    day = (await manifest.days())[0]
    await manifest.amend(day, lambda row: replace(row, earlier_images=text))
    victim = next(output for output in stage.simulated.visible(NOON) if output.g.date() == day)
    stage.simulated.delete(victim.id, NOON)
    stage.clock.advance(HOUR)

    report = await stage.run()
    assert report.exit_code == 3
    assert "earlier_images" in " ".join(report.notes)
    assert (await stage.rebuild(set_aside_damaged=True)).set_aside
    assert (await stage.ordinary_runs(2))[-1].outcome == "proven"
