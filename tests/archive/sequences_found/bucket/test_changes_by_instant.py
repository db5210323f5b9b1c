"""The change log by instant, if a process with a clock that was never set has added to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

from stablecog_provider.adapters.memory import FixedClock, MemoryObjectStore
from stablecog_provider.archive.changes import ChangesSettings, changes
from stablecog_provider.archive.ports import Listed
from stablecog_provider.model.times import format_instant
from support.scene import LAYOUT
from support.stage import DAY, HOUR, Stage, days_of, stage_of


class DatedStore(MemoryObjectStore):
    """A store that says when an object was written, by its own clock."""

    clock: FixedClock

    def __init__(self) -> None:
        super().__init__()
        self.written: dict[tuple[str, str], datetime] = {}

    async def list(self, prefix: str) -> AsyncIterator[Listed]:
        async for item in super().list(prefix):
            at = self.written.setdefault((item.key, item.version), self.clock.now())
            yield replace(item, modified=at)


async def test_a_clock_that_was_never_set_hides_no_record_before_its_own() -> None:
    store = DatedStore()
    stage = Stage(stage_of(*days_of(5, 3)).simulated, store=store)
    store.clock = stage.clock
    await stage.checked_run()
    asked = ChangesSettings(LAYOUT)
    first = (await changes(store, asked)).records
    stage.clock.advance(2 * DAY)
    since = stage.clock.now()
    for number in range(3):
        stage.clock.advance(DAY)
        stage.simulated.add(stage.clock.now() - HOUR, stage.clock.now() - HOUR)
        await stage.checked_run()
        if number == 1:
            stage.our_clock = FixedClock(datetime(2000, 1, 1, tzinfo=UTC))
            await stage.verify()
            stage.our_clock = stage.clock
        await changes(store, asked)
    found = await changes(store, ChangesSettings(LAYOUT, format_instant(since)))
    assert found.is_complete
    assert found.records == (await changes(store, asked)).records[len(first) :]
    assert len(found.records) == 4
