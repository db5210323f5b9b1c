"""A partition that something else has changed, on a day that has new outputs."""

from __future__ import annotations

from dataclasses import replace

from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from support.scene import LAYOUT
from support.stage import HOUR, NOON, Stage, days_of, stage_of


def _add(stage: Stage, outputs: int) -> None:
    for _ in range(outputs):
        stage.simulated.add(stage.clock.now() + HOUR, stage.clock.now() + HOUR)
    stage.clock.advance(2 * HOUR)


async def test_what_is_new_was_not_healed() -> None:
    stage = stage_of(*days_of(20, 3))
    _add(stage, 3)
    await stage.checked_run()
    manifest = ParquetManifest(stage.store, LAYOUT)
    await manifest.amend(NOON.date(), lambda row: replace(row, run_id="another tool"), run_id="another tool")
    _add(stage, 5)
    (changed,) = (await stage.checked_run()).changed
    assert (changed.known, changed.found) == (changed.found, changed.known)
    assert changed.now.outputs == changed.found.outputs + 5
    assert "Healed" not in changed.in_words()
