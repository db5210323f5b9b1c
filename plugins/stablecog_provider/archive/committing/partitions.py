"""The partitions that a run reads: each when an output of its day turns up, and kept for a while: walks go along the days."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date

from ...errors import ObjectInArchiveClass
from ...model.coverage import Window
from ...model.object_keys import day_of
from ..ports import Manifest, Partition

KEPT_PARTITIONS = 8


class Partitions:
    """`expects`: whether a day must have a partition.

    The attribute `unreadable`: days whose partition is in an archive storage class, each with what the store says.
    """

    def __init__(self, manifest: Manifest, expects: Callable[[date], bool]) -> None:
        self._manifest, self._expects = manifest, expects
        self._partitions: OrderedDict[date, Partition] = OrderedDict()
        self.unreadable: dict[date, str] = {}

    async def days(self, window: Window) -> list[date]:
        """Return the days of the window (requested axis) that have a partition."""
        return [day for day in await self._manifest.days() if day_of(window.start) <= day <= day_of(window.end)]

    async def partition(self, day: date) -> Partition:
        """Raises ArchiveDamaged if it is missing: an empty one in its place would make new what is archived. Raises
        ObjectInArchiveClass, and remembers the day.
        """
        if day not in self._partitions:
            try:
                self.keep(await self._manifest.load(day, expected=self._expects(day)))
            except ObjectInArchiveClass as error:
                self.unreadable[day] = error.message
                raise
        self._partitions.move_to_end(day)
        return self._partitions[day]

    async def readable(self, days: Iterable[date]) -> list[date]:
        """Return those of these days whose partition can be read."""
        found: list[date] = []
        for day in days:
            if day not in self.unreadable:
                with suppress(ObjectInArchiveClass):
                    await self.partition(day)
                    found.append(day)
        return found

    def keep(self, partition: Partition) -> None:
        """Remember a partition as it is in the bucket now."""
        self._partitions[partition.day] = partition
        self._partitions.move_to_end(partition.day)
        while len(self._partitions) > KEPT_PARTITIONS:
            self._partitions.popitem(last=False)

    def forget(self, day: date) -> None:
        """Read the partition again the next time."""
        self._partitions.pop(day, None)
