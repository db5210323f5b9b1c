"""Publishing from a store whose listing spells versions otherwise than its responses do."""

from __future__ import annotations

from datetime import date

from archive.sequences.test_cost import Gateway
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.adapters.parquet_partition import ParquetPartition
from stablecog_provider.archive.publish import PublishSettings, publish
from stablecog_provider.archive.publishing.ports import PublishPorts
from support.published import MemoryTable
from support.scene import LAYOUT
from support.stage import Stage, days_of, stage_of


async def test_what_is_published_is_not_read_again() -> None:
    """No listing names the version that the table has. The checkpoint knows how it is listed."""
    stage = Stage(stage_of(*days_of(5, 40)).simulated, store=Gateway())
    await stage.checked_run()
    await stage.ordinary_runs(2)
    table, loaded = MemoryTable(), list[date]()

    class Watched(ParquetManifest):
        async def load(self, day: date, *, expected: bool = False) -> ParquetPartition:
            loaded.append(day)
            return await super().load(day, expected=expected)

    ports = PublishPorts(stage.store, Watched(stage.store, LAYOUT), table, stage.our_clock)
    settings = PublishSettings(LAYOUT, "test", "db.outputs")
    assert len((await publish(ports, settings)).days) == 40
    loaded.clear()
    assert (await publish(ports, settings)).days == ()
    assert not loaded
    # A change is noticed all the same.
    stage.simulated.add(stage.clock.now(), stage.clock.now())
    await stage.ordinary_runs(1)
    assert len((await publish(ports, settings)).days) == 1
