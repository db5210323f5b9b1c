"""A tool that rewrites every partition each night: the same rows, another version. Once, it loses a row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.adapters.parquet_partition import ParquetPartition, table_of
from support.scene import LAYOUT
from support.stage import DAY, days_of, stage_of

NIGHTS = 5


@pytest.mark.long
async def test_a_row_that_was_lost_once_is_restored() -> None:
    """The days that were touched are more than a run can read again, so they must not use up all that it may ask."""
    stage = stage_of(*days_of(3, 80))
    await stage.checked_run()
    manifest = ParquetManifest(stage.store, LAYOUT)
    days = await manifest.days()
    first, *others = (await manifest.load(days[-10])).rows()
    key = LAYOUT.partition(days[-10])
    body = ParquetPartition(days[-10], table_of(others)).to_parquet()
    stage.store.objects[key] = replace(stage.store.objects[key], body=body, version="lossy")
    for night in range(NIGHTS):
        stage.clock.advance(DAY)
        for day in days:
            held = stage.store.objects[LAYOUT.partition(day)]
            stage.store.objects[LAYOUT.partition(day)] = replace(held, version=f"night {night} {day}")
        await stage.checked_run()
    assert first.key in await stage.rows()
