"""What the manifest holds, what is on its way there, and so what an output read from the source adds.

Partitions are read when an output of their day turns up and kept for a while: walks go along the days.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from ..model.coverage import Window
from ..model.manifest import Row, RowKey, State, describes, retry_due, row_of, row_of_unreadable
from ..model.object_keys import Rendition, day_of
from ..model.output import Output, UnreadableOutput
from ..model.times import BEGINNING
from .ports import Clock, Manifest, Partition
from .transfer import CopyJob

KEPT_PARTITIONS = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """A row to write, once its image is copied where there is a `job`."""

    row: Row
    job: CopyJob | None = None


def identity(output: Output | UnreadableOutput) -> str:
    """The output's id; for one whose id cannot be read, a stand-in that is the same whenever it is read."""
    return output.id or "unreadable-" + hashlib.sha256(output.raw.encode()).hexdigest()[:32]


class Ledger:
    """Answers for one run. Rows planned and not yet in the manifest count as known: nothing is fetched twice."""

    def __init__(self, manifest: Manifest, clock: Clock, run_id: str) -> None:
        self._manifest, self._clock, self._run_id = manifest, clock, run_id
        self._partitions: OrderedDict[date, Partition] = OrderedDict()
        self._on_the_way: dict[RowKey, Row] = {}

    async def entries(self, outputs: Iterable[Output | UnreadableOutput]) -> list[Entry]:
        """What these outputs add to the manifest: new images to copy, and rows that say something new."""
        found: list[Entry] = []
        for output in outputs:
            if isinstance(output, UnreadableOutput):
                found += await self._unreadable(output)
                continue
            for rendition, url in (
                (Rendition.ORIGINAL, output.image_url),
                (Rendition.UPSCALED, output.upscaled_image_url),
            ):
                if url:
                    found += await self._image(output, rendition, url)
        return found

    async def due(self, day: date) -> list[Entry]:
        """The failed images of a day that are worth another attempt now."""
        partition, now = await self.partition(day), self._clock.now()
        found = []
        for row in partition.rows():
            due = retry_due(row)
            if due and due <= now and row.key not in self._on_the_way:
                found.append(self._planned(replace(row, run_id=self._run_id), row.source_url))
        return found

    async def tombstones(self, window: Window, listed: Iterable[str]) -> list[Entry]:
        """Rows that mark as deleted what the manifest holds in the window (requested axis) and the source lists no more."""
        now, kept, found = self._clock.now(), set(listed), []
        for day in await self.days(window):
            partition = await self.partition(day)
            gone = partition.live_ids(window) - kept
            found += [
                Entry(replace(row, deleted_at=max(now, row.last_seen_at), run_id=self._run_id))
                for output_id in sorted(gone)
                for rendition in Rendition
                if (row := partition.get((output_id, rendition))) is not None
            ]
        return found

    async def days(self, window: Window) -> list[date]:
        """The days of the window (requested axis) that have a partition."""
        return [day for day in await self._manifest.days() if day_of(window.start) <= day <= day_of(window.end)]

    async def partition(self, day: date) -> Partition:
        if day not in self._partitions:
            self.keep(await self._manifest.load(day))
        self._partitions.move_to_end(day)
        return self._partitions[day]

    def keep(self, partition: Partition) -> None:
        """Remember a partition as it stands in the bucket now."""
        self._partitions[partition.day] = partition
        self._partitions.move_to_end(partition.day)
        while len(self._partitions) > KEPT_PARTITIONS:
            self._partitions.popitem(last=False)

    def forget(self, day: date) -> None:
        """Read the partition anew the next time."""
        self._partitions.pop(day, None)

    def committed(self, rows: Iterable[Row]) -> None:
        """These rows are in the manifest now."""
        for row in rows:
            self._on_the_way.pop(row.key, None)

    async def _image(self, output: Output, rendition: Rendition, url: str) -> list[Entry]:
        key = (output.id, rendition)
        known = self._on_the_way.get(key) or (await self.partition(day_of(output.created_at))).get(key)
        fresh = row_of(output, rendition, state=State.FAILED, seen_at=self._clock.now(), run_id=self._run_id)
        if known is None:
            return [self._planned(fresh, url)]
        fresh = replace(fresh, attempts=known.attempts)
        if key not in self._on_the_way and known.state == State.FAILED and self._worth_trying(known):
            return [self._planned(fresh, url)]
        if describes(known, output):
            return []
        self._on_the_way[key] = fresh
        return [Entry(fresh)]

    def _worth_trying(self, row: Row) -> bool:
        # A row without an address was unreadable, and is readable now.
        due = retry_due(row)
        return row.source_url is None or (due is not None and due <= self._clock.now())

    def _planned(self, row: Row, url: str | None) -> Entry:
        if url is None:
            raise ValueError(f"no address to copy {row.key} from")
        self._on_the_way[row.key] = row
        job = CopyJob(row.output_id, Rendition(row.rendition), day_of(row.created_at), url, row.attempts > 0)
        return Entry(row, job)

    async def _unreadable(self, output: UnreadableOutput) -> list[Entry]:
        # Where the date is the trouble, a fixed day stands in, so that the same output is the same row in every run.
        row = row_of_unreadable(output, BEGINNING, identity(output), self._clock.now(), self._run_id)
        known = self._on_the_way.get(row.key) or (await self.partition(day_of(row.created_at))).get(row.key)
        if known is not None and describes(known, output):
            return []
        self._on_the_way[row.key] = row
        return [Entry(row)]
