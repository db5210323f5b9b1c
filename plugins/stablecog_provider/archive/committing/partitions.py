"""The partitions that a run reads: each when an output of its day turns up, and kept for a while: walks go along the days."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date

from ...errors import ArchiveError, ConfigurationError, ObjectInArchiveClass, PartitionDamaged
from ...model.coverage import Window
from ...model.object_keys import day_of
from ..ports import Manifest, Partition

KEPT_PARTITIONS = 8
UNREADABLE = (ConfigurationError, PartitionDamaged)
"""Errors that may concern one partition alone."""
MOST_REFUSED = 16
"""Partitions that a run tries in vain for one purpose: a lifecycle rule may have moved all of them. Others have their turn."""


class Partitions:
    """`expects`: whether a day must have a partition.

    The attribute `unreadable`: days whose partition is damaged, or not handed out by the store (an archive storage class, a key
    or a policy that covers others), each with what is wrong and what to do.
    """

    def __init__(self, manifest: Manifest, expects: Callable[[date], bool]) -> None:
        self._manifest, self._expects = manifest, expects
        self._partitions: OrderedDict[date, Partition] = OrderedDict()
        self._outdated: Counter[date] = Counter()
        """How often what was read of a day before has become outdated."""
        self.unreadable: dict[date, str] = {}

    async def days(self, window: Window) -> list[date]:
        """Return the days of the window (requested axis) that have a partition."""
        return [day for day in await self._manifest.days() if day_of(window.start) <= day <= day_of(window.end)]

    async def partition(self, day: date) -> Partition:
        """Raises ArchiveDamaged if it is missing: an empty one in its place would make new what is archived. Raises
        PartitionDamaged or ConfigurationError, and remembers the day if only this partition cannot be read.
        """
        while day not in self._partitions:
            try:
                await self._load(day, expected=self._expects(day))
            except UNREADABLE as error:
                if isinstance(error, (ObjectInArchiveClass, PartitionDamaged)) or await self._hands_out_others(day):
                    self.unreadable[day] = _told(error)
                raise
        self._partitions.move_to_end(day)
        return self._partitions[day]

    async def _load(self, day: date, *, expected: bool = False) -> None:
        """Read the partition, and remember it. Commits go on meanwhile: what they write is newer than a late answer."""
        outdated = self._outdated[day]
        partition = await self._manifest.load(day, expected=expected)
        if outdated == self._outdated[day]:
            self._remember(partition)

    async def readable(self, days: Iterable[date]) -> list[date]:
        """Return those of these days whose partition can be read."""
        found: list[date] = []
        for day in days:
            if day not in self.unreadable:
                try:
                    await self.partition(day)
                except UNREADABLE:
                    if day not in self.unreadable:
                        raise
                else:
                    found.append(day)
        return found

    async def _hands_out_others(self, refused: date) -> bool:
        """Whether the store hands out a partition of another day: else it refuses us, and not an object."""
        if self._partitions:
            return True
        others = [day for day in await self._manifest.days() if day != refused and day not in self.unreadable]
        for day in (*others[-1:], *others[:1]):
            with suppress(ArchiveError):
                await self._load(day)
                return True
        return False

    def keep(self, partition: Partition) -> None:
        """Remember a partition as this run has just written it."""
        self._outdated[partition.day] += 1
        self._remember(partition)

    def _remember(self, partition: Partition) -> None:
        self._partitions[partition.day] = partition
        self._partitions.move_to_end(partition.day)
        while len(self._partitions) > KEPT_PARTITIONS:
            self._partitions.popitem(last=False)

    def forget(self, day: date) -> None:
        """Read the partition again the next time."""
        self._outdated[day] += 1
        self._partitions.pop(day, None)


def _told(error: ConfigurationError | PartitionDamaged) -> str:
    if isinstance(error, ObjectInArchiveClass):
        return (
            f"{error.message}. Restore the object in S3, and exclude manifest/, checkpoint.json and runs/ from the bucket's "
            "lifecycle rules"
        )
    return f"{error.message}. To have it read: {error.hint}"
