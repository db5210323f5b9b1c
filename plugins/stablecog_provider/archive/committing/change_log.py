"""The change log: one small object per commit, which names the partitions that it changed.

The objects are numbered without gaps: a writer creates the next number if it does not exist, and goes on to the one after it if
it does. So all numbers before one that a reader sees exist already. Nothing can appear before it later, whatever the clocks say
and however long a run takes.

A record is written after its partitions and before the checkpoint that names their versions (`CheckpointFile` does so for every
write). So no checkpoint names a version that no record names. A process that is killed after it has written a partition, and
before the record, leaves a version that the checkpoint does not name: the next run finds it, and records it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from ...errors import StoreUnavailable
from ...model.changes import ChangeRecord, PartitionChange, by_day
from ...model.object_keys import Layout
from ...model.partition_summary import PartitionSummary, RowChanges
from ..ports import Absent, Conflict, ObjectStore, Partition
from ..resilience.retry import STORE_RETRIES, Sleep

MAX_LOST_RACES = 1000
"""A listing that lags shows an end that is too early; each record after it costs a request."""
_FIRST_YEAR = datetime(2020, 1, 1, tzinfo=UTC)
"""No archive is older."""


@dataclass(slots=True)
class ChangeLog:
    """What one process adds to the log. `recorded`: all that it has added."""

    store: ObjectStore
    layout: Layout
    run_id: str = ""
    sleep: Sleep = asyncio.sleep
    recorded: list[PartitionChange] = field(default_factory=list)
    _written: list[PartitionChange] = field(default_factory=list)
    _last: int | None = None

    def wrote(self, partition: Partition) -> None:
        """Note a partition that this process has just written, if it was not as wanted already."""
        if partition.written == RowChanges():
            return
        self._written.append(PartitionChange(partition.day, partition.version, partition.written))

    async def record(
        self,
        before: Mapping[date, PartitionSummary],
        after: Mapping[date, PartitionSummary],
        at: datetime | None,
        last: int = 0,
    ) -> int:
        """Record what this process wrote, and every other partition whose version differs between two checkpoints. Writes nothing
        if there is nothing to record. `last`: the number of the last record that the checkpoint knows of; returns it as it is
        now. Raises what the store raises.
        """
        noted = len(self._written)
        found = {each.day: each for each in by_day(self._written)}
        known = {(each.day, each.version) for each in (*self.recorded, *found.values())}
        for day in {*before, *after}:
            version = after[day].version if day in after else ""
            was = before[day].version if day in before else ""
            if version != was and (day, version) not in known:
                found[day] = PartitionChange(day, version)
        if not found:
            return max(last, self._last or 0)
        changes = tuple(found[day] for day in sorted(found))
        number = await self._append(changes, at, last)
        self.recorded += changes
        # What was written meanwhile is for the next record.
        del self._written[:noted]
        return number

    def summary(self) -> tuple[PartitionChange, ...]:
        """All that this process has written or recorded, one change per day."""
        return by_day([*self.recorded, *self._written])

    async def _append(self, changes: tuple[PartitionChange, ...], at: datetime | None, known: int) -> int:
        """Write the record under the next number that does not exist, and never existed: a log that was deleted, has expired, or
        was not moved along does not begin again. After an unknown outcome, the record may be there twice.
        """
        last = max(known, await last_number(self.store, self.layout) if self._last is None else self._last)
        for number in range(last + 1, last + 1 + MAX_LOST_RACES):
            body = ChangeRecord(number, self.run_id, at, changes).to_json()
            key = self.layout.change_record(number)

            async def put(key: str = key, body: bytes = body) -> None:
                await self.store.put(key, body, content_type="application/json", condition=Absent())

            try:
                await STORE_RETRIES.call(put, self.sleep)
            except Conflict:
                continue
            self._last = number
            return number
        place = self.layout.uri(self.layout.changes)
        raise StoreUnavailable(f"{place}: other runs added a record each time before this one could")


async def last_number(store: ObjectStore, layout: Layout) -> int:
    """Return the number of the last record, 0 if there is none. Two requests, whatever the length of the log."""
    folders = await store.folders(layout.changes)
    return max(await written_in(store, layout, folders[-1]), default=0) if folders else 0


async def number_after_loss(store: ObjectStore, layout: Layout, now: datetime) -> int:
    """Return the number after which the log goes on if nobody knows how far it had come: the last one, or, if the log is lost as
    well, one that records of every minute would not have reached.
    """
    return await last_number(store, layout) or max(0, int((now - _FIRST_YEAR) / timedelta(minutes=1)))


async def written_in(store: ObjectStore, layout: Layout, folder: str) -> dict[int, datetime | None]:
    """Return the numbers of the records in a folder of the log, with when each was written, by the store's clock."""
    found = [(layout.parse_change_record(item.key), item.modified) async for item in store.list(folder)]
    return {number: modified for number, modified in found if number is not None}
