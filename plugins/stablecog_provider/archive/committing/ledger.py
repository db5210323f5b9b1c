"""What the manifest holds, what is on its way there, and so what an output read from the source adds.

Partitions are read when an output of their day turns up and kept for a while: walks go along the days.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import PurePosixPath

from ...model.coverage import Coverage, Window
from ...model.manifest import Row, RowKey, State, describes, retry_due, row_of, row_of_unreadable
from ...model.object_keys import Rendition, day_of
from ...model.output import Output, UnreadableOutput
from ...model.times import BEGINNING, MICROSECOND
from ..copying.transfer import CopyJob
from ..ports import Clock, Manifest, Partition

KEPT_PARTITIONS = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """A row to write, once its image is copied if there is a `job`.

    `archived`: the archived row whose image the source has replaced; it stays until the new image is copied.
    `attempts_if_gone`: the row's attempts if the host answers that it has no such image. Three such answers in a row, hours
    apart, are final.
    """

    row: Row
    job: CopyJob | None = None
    archived: Row | None = None
    attempts_if_gone: int = 1


def identity(output: Output | UnreadableOutput) -> str:
    """The output's id; for one whose id cannot be read, a stand-in that is the same whenever it is read."""
    return output.id or "unreadable-" + hashlib.sha256(output.raw.encode()).hexdigest()[:32]


class Ledger:
    """Answers for one run. Rows planned and not yet in the manifest count as known: nothing is fetched twice.

    `undated`: the manifest has rows whose outputs' dates could not be read; they lie under `BEGINNING`. `retry_all`: what
    failed is due now, whenever its turn is.
    """

    def __init__(
        self, manifest: Manifest, clock: Clock, run_id: str, *, has_undated_rows: bool = False, retry_all: bool = False
    ) -> None:
        self._manifest, self._clock, self._run_id = manifest, clock, run_id
        self._has_undated_rows, self._impatient, self._began = has_undated_rows, retry_all, clock.now()
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
        return [
            self._to_copy(replace(row, run_id=self._run_id), row.source_url, known=row)
            for row in (await self.partition(day)).rows()
            if row.source_url and row.key not in self._on_the_way and self._is_due(row)
        ]

    async def unread(self, day: date) -> Coverage:
        """Where (requested axis) the outputs of a day lie that could not be read and are worth reading again."""
        rows = [row for row in (await self.partition(day)).rows() if row.source_url is None and self._is_due(row)]
        return Coverage.of(
            Window(row.created_at, row.created_at + MICROSECOND) for row in rows if row.created_at > BEGINNING
        )

    async def tombstones(self, window: Window, listed: Mapping[str, datetime | None]) -> list[Entry]:
        """Rows that mark as deleted what the manifest holds in the window (requested axis) and the source lists no more.
        `listed`: when each was requested, None where that cannot be read. One that is listed on another day than the manifest
        holds it on, stood in for itself there.
        """
        now, found = self._clock.now(), []
        kept: defaultdict[date | None, set[str]] = defaultdict(set)
        for output_id, at in listed.items():
            kept[at and day_of(at)].add(output_id)
        for day in await self.days(window):
            partition = await self.partition(day)
            gone = partition.live_ids(window) - kept[day] - kept[None]
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
        on_the_way = self._on_the_way.get(key)
        standing = (await self.partition(day_of(output.created_at))).get(key)
        known = on_the_way or standing
        fresh = row_of(output, rendition, state=State.FAILED, seen_at=self._after(known), run_id=self._run_id)
        if known is None:
            return [self._to_copy(fresh, url), *await self._readable_at_last(key)]
        fresh = replace(fresh, attempts=known.attempts)
        if on_the_way is None:
            if _holds_another(known, fresh):
                return [replace(self._to_copy(fresh, url), archived=known)]
            moved = known.source_url != fresh.source_url
            if known.state != State.ARCHIVED and (moved or self._is_due(known)):
                return [self._to_copy(fresh, url, known=None if moved else known)]
        elif _is_another_image(on_the_way, fresh) or _holds_another(standing, fresh):
            # What is on the way may fail, or be the other one: its row would name an image that it does not hold. A later run
            # sees the difference.
            return []
        if describes(known, output):
            return []
        self._on_the_way[key] = fresh
        return [Entry(fresh)]

    async def _unreadable(self, output: UnreadableOutput) -> list[Entry]:
        # Where the date is the trouble, a fixed day stands in, so that the same output is the same row in every run.
        row = row_of_unreadable(output, BEGINNING, identity(output), self._clock.now(), self._run_id)
        known = self._on_the_way.get(row.key) or (await self.partition(day_of(row.created_at))).get(row.key)
        if known is not None:
            if describes(known, output) and not (known.source_url is None and self._is_due(known)):
                return []
            # What was read before says more than what cannot be read now.
            was_readable = known.generation_id is not None
            row = (
                replace(known, deleted_at=None, last_seen_at=self._after(known), run_id=self._run_id)
                if was_readable
                else replace(row, attempts=known.attempts + 1, last_seen_at=self._after(known))
            )
        self._on_the_way[row.key] = row
        dated_at_last = await self._readable_at_last(row.key) if known is None and row.created_at > BEGINNING else []
        return [Entry(row), *dated_at_last]

    async def _readable_at_last(self, key: RowKey) -> list[Entry]:
        """Where the output stood in for itself under `BEGINNING`, its date unread, that row has had its day."""
        if not self._has_undated_rows:
            return []
        stand_in = (await self.partition(day_of(BEGINNING))).get(key)
        if stand_in is None or stand_in.deleted_at is not None:
            return []
        return [Entry(replace(stand_in, deleted_at=self._after(stand_in), run_id=self._run_id))]

    def _to_copy(self, row: Row, url: str | None, *, known: Row | None = None) -> Entry:
        if url is None:
            raise ValueError(f"no address to copy {row.key} from")
        self._on_the_way[row.key] = row
        # Where it was tried before, or lost, its failure says nothing of how its host is today.
        failed_before = row.attempts > 0 or (known is not None and known.state == State.FAILED)
        job = CopyJob(row.output_id, Rendition(row.rendition), day_of(row.created_at), url, failed_before)
        gone = 0 if known is None or known.state != State.GONE else known.attempts
        return Entry(row, job, attempts_if_gone=gone + (gone == 0 or (known is not None and self._has_rested(known))))

    def _is_due(self, row: Row) -> bool:
        if self._has_rested(row):
            return True
        return self._impatient and retry_due(row) is not None and (row.attempted_at or self._began) < self._began

    def _has_rested(self, row: Row) -> bool:
        # An attempt in our future was stamped by a machine whose clock was ahead.
        due, now = retry_due(row), self._clock.now()
        return due is not None and (due <= now or (row.attempted_at or row.first_seen_at) > now)

    def _after(self, known: Row | None) -> datetime:
        """Now, and after all that the row says: we have read it, whatever the clocks of others said."""
        now = self._clock.now()
        if known is None:
            return now
        return max(now, known.last_seen_at + MICROSECOND, (known.deleted_at or known.last_seen_at) + MICROSECOND)


def _holds_another(row: Row | None, fresh: Row) -> bool:
    return row is not None and row.state == State.ARCHIVED and _is_another_image(row, fresh)


def _is_another_image(known: Row, fresh: Row) -> bool:
    """Images are named by a UUID of their own: the same name elsewhere is a move, another name another image."""
    return PurePosixPath(known.source_url or "").name != PurePosixPath(fresh.source_url or "").name
