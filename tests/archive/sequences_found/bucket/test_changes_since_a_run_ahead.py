"""A follower asks for all changes since a run whose clock was ahead."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from stablecog_provider.adapters.memory import FixedClock, MemoryObjectStore
from stablecog_provider.archive.changes import ChangesSettings, changes
from stablecog_provider.archive.ports import Listed
from support.scene import LAYOUT
from support.stage import DAY, NOON, days_of, stage_of


class Dated(MemoryObjectStore):
    """A store that reports when an object was written, by its own clock."""

    async def list(self, prefix: str) -> AsyncIterator[Listed]:
        async for each in super().list(prefix):
            yield replace(each, modified=NOON)


async def test_they_include_what_the_run_itself_has_changed() -> None:
    stage = stage_of(*days_of(5, 2))
    stage.store = Dated()
    stage.our_clock = FixedClock(NOON + 300 * DAY)
    report = await stage.run()
    found = await changes(stage.store, ChangesSettings(layout=LAYOUT, since=report.run_id))
    assert {each.day for each in found.partitions} == {each.day for each in report.partitions}
    assert found.is_complete
