"""Commits: rows into their partitions, then what is covered into the checkpoint.

Order of a commit: images, the intent to write partitions, the partitions, then the checkpoint. A kill between any two repeats
work and loses none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from ...model.checkpoint import Checkpoint
from ...model.coverage import Coverage
from ...model.manifest import Row
from ...model.object_keys import day_of
from ...model.partition_summary import PartitionSummary
from ...model.refreshed import read_again
from ..fixity.lost_images import ImagesLookedAt
from ..ports import Base, Clock, Manifest, Partition
from ..resilience.together import together
from .checkpoint_file import Assigned, CheckpointFile
from .consent import consented
from .intent import announced, concluded, still_forgetting, storing
from .inventory import Inventory, is_expected, marked
from .ledger import Ledger
from .moves import rewritten
from .summaries import listed_as, replaced_by_something_else

COMMIT_ROWS = 1000
"""A partition is merged when this many rows have come together."""
MAX_PENDING_ROWS = 8000
"""A merge rewrites its partition, so a full one waits for as many rows as it holds, up to this. The bytes written then stay a
small multiple of the bytes kept, however many outputs a day has.
"""
PARTITIONS_AT_ONCE = 8


def is_worth_committing(pending: int, of_one_day: int, fullest: int) -> bool:
    """Whether so many pending rows are worth rewriting their partitions. `of_one_day`: the most that belong to one day.
    `fullest`: rows of the fullest partition of the last commit. If most belong to one full day, they wait for each other.
    """
    if fullest <= COMMIT_ROWS or of_one_day * 2 < pending:
        return pending >= COMMIT_ROWS
    return pending >= min(fullest, MAX_PENDING_ROWS)


class Committer:
    """Writes what one run finds out. `start`: the checkpoint that the run goes on from, on the run's axis. `is_run` is false for
    a use case that archives nothing new: the last run stays the last run. `read_at`: not after the run began to read the source;
    None if it does not.
    """

    def __init__(
        self,
        manifest: Manifest,
        file: CheckpointFile,
        ledger: Ledger,
        clock: Clock,
        run_id: str,
        start: Checkpoint,
        *,
        is_run: bool = True,
        read_at: datetime | None = None,
    ) -> None:
        self.start = start
        self._is_run, self._read_at, self._read = is_run, read_at, Coverage()
        self._manifest, self._file, self._ledger, self._clock, self._run_id = manifest, file, ledger, clock, run_id
        self._fullest, self._marked, self._forgotten = 0, set[date](), set[str]()
        # `_unsaved`: also what a commit that failed may have written. The next one must not take back the intent for it.
        self._storing, self._unsaved = frozenset[date](), set[date]()

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint as last read or written, on its own axis."""
        return self._file.current or self.start

    @property
    def coverage(self) -> Coverage:
        """What is covered, on the run's axis."""
        return self.checkpoint.on(self.start.axis).coverage

    @property
    def written(self) -> frozenset[date]:
        """The days whose partition this run has changed."""
        return frozenset(each.day for each in self._file.changes.summary())

    def enough(self, rows: Sequence[Row]) -> bool:
        """Whether the rows are worth a commit."""
        if len(rows) < COMMIT_ROWS:
            return False
        ((_, most),) = Counter(day_of(row.created_at) for row in rows).most_common(1)
        return is_worth_committing(len(rows), most, self._fullest)

    async def commit(self, rows: Sequence[Row], covered: Coverage) -> None:
        """Merge the rows into their partitions, then save what they cover."""
        if not rows and not covered:
            return
        by_day: defaultdict[date, list[Row]] = defaultdict(list)
        for row in rows:
            by_day[day_of(row.created_at)].append(row)
        if days := sorted(by_day):
            await self.announce(days)
        as_of, known = self._file.readings, self.checkpoint.partitions

        async def merge(day: date) -> Partition:
            return await self._manifest.merge(day, by_day[day], expected=is_expected(known, day), run_id=self._run_id)

        summaries, bases = await self._write(days, merge)
        self._ledger.committed(rows)
        self._read = self._read.merge(covered)
        await self._note_forgotten((day_of(row.created_at), row.output_id) for row in rows if row.uri is not None)
        await self.save(covered, summaries, as_of, bases)

    async def about_to_store(self, days: Iterable[date]) -> dict[date, set[str]]:
        """Say durably of which days images are about to be stored, so that a forget that ends meanwhile knows of them. Returns
        the forgotten outputs of days of which some were forgotten since this process began. Not to be called twice at once.
        """
        if not (new := {*days} - self._storing):
            return {}
        self._storing |= new
        await self.amend(lambda found: storing(found, self._run_id, self._storing, self._clock.now()))

        def forgotten(found: Checkpoint, day: date) -> int:
            return found.partitions.get(day, PartitionSummary()).images.forgotten

        changed = [day for day in sorted(new) if forgotten(self.checkpoint, day) != forgotten(self.start, day)]
        return {day: (await self._manifest.load(day)).forgotten_ids() for day in changed}

    def stored(self) -> None:
        """Note that all images have their rows. The next write of the checkpoint says so."""
        self._storing = frozenset()

    async def end_storing(self) -> None:
        """Note durably that all images have their rows."""
        if self._storing:
            self.stored()
            await self.amend(lambda found: storing(found, self._run_id, (), self._clock.now()))

    async def _note_forgotten(self, stored: Iterable[tuple[date, str]]) -> None:
        """Note days of which an image was stored while its output was forgotten: the next forget deletes it."""
        if days := {day for day, output_id in stored if output_id in self._forgotten}:
            await self.amend(lambda found: still_forgetting(found, self._run_id, days, self._clock.now()))

    async def amend_rows(
        self, changes: Mapping[date, Callable[[Row], Row]], stored: Iterable[tuple[date, str]] = ()
    ) -> None:
        """Replace each row of these days by what its day's change makes of it, then save what the partitions hold now. A change
        may be applied again to newer rows. `stored`: the outputs of which an image was stored, each with one of these days.
        """
        if not changes:
            return
        await self.announce(changes)
        as_of = self._file.readings

        async def write(day: date) -> Partition:
            return await self._manifest.amend(day, changes[day], run_id=self._run_id)

        summaries, bases = await self._write(sorted(changes), write)
        await self._note_forgotten(stored)
        await self.save(Coverage(), summaries, as_of, bases)

    async def _write(
        self, days: Sequence[date], write: Callable[[date], Coroutine[Any, Any, Partition]]
    ) -> tuple[dict[date, PartitionSummary], dict[date, Base]]:
        """Write the partitions of these days, some at a time."""
        summaries, bases, self._fullest = dict[date, PartitionSummary](), dict[date, Base](), 0
        before, self._unsaved = self._unsaved, self._unsaved.union(days)
        for at in range(0, len(days), PARTITIONS_AT_ONCE):
            for written in await together(write(day) for day in days[at : at + PARTITIONS_AT_ONCE]):
                self._ledger.keep(written)
                self._file.changes.wrote(written)
                self._forgotten |= written.forgotten_ids()
                summaries[written.day] = written.summary()
                if written.day not in before or written.base.run_id != self._run_id:
                    bases[written.day] = written.base
                self._fullest = max(self._fullest, len(written))
        return summaries, bases

    async def announce(self, days: Iterable[date]) -> None:
        """Say durably which partitions are about to be written."""
        await self.amend(lambda found: announced(found, self._run_id, days, self._clock.now()))

    @property
    def readings(self) -> int:
        """How often the checkpoint was read."""
        return self._file.readings

    async def mark(self, days: Collection[date]) -> None:
        """Let later runs read these days again: what is listed there is not compared with what is held."""
        if new := {*days} - self._marked:
            self._marked |= new
            await self.amend(lambda found: marked(found, new))

    async def restate(self, days: Iterable[date]) -> None:
        """Read the partitions again, and save what they hold now."""
        summaries, bases = dict[date, PartitionSummary](), dict[date, Base]()
        as_of = self._file.readings
        for day in days:
            summaries[day], bases[day] = await self._summary(day)
        await self.save(Coverage(), summaries, as_of, bases)

    async def save(
        self,
        covered: Coverage,
        summaries: Mapping[date, PartitionSummary],
        as_of: int = 0,
        bases: Mapping[date, Base] = MappingProxyType({}),
    ) -> Checkpoint:
        """Add to the checkpoint what is covered and what the partitions hold now. `as_of`: `readings` before they were read.
        `bases`: the objects that were read, and that this run's writes have replaced.

        Counts, versions and retries replace the saved ones. So if another run saves first, the partitions are read again after
        its checkpoint: what that run saw of them must not be undone by what this run saw before.
        """
        now, bases = dict(summaries), dict(bases)

        def change(found: Checkpoint) -> Checkpoint:
            found = found.on(self.start.axis)
            others = concluded(found, self._run_id, self._unsaved - now.keys())
            replaced = replaced_by_something_else(others, now, bases)
            partitions = {**found.partitions, **listed_as(found, now)}
            written = [day for day in now if found.partitions.get(day, PartitionSummary()).version != now[day].version]
            fresh = replace(
                rewritten(marked(others, replaced), written),
                unchecked={**others.unchecked, **{day: bases[day].version for day in replaced}},
                coverage=found.coverage.merge(covered),
                partitions=partitions,
            )
            return found if fresh == found else self.signed(fresh)

        saved = await self._file.update(change, self.start, self._assigned(now, as_of, bases))
        self._unsaved.difference_update(now)
        return saved

    async def amend(self, change: Callable[[Checkpoint], Checkpoint], assigned: Assigned | None = None) -> Checkpoint:
        """Save `change(what the bucket holds)`. It may be applied again to a newer checkpoint, so it must add knowledge, or
        assign what `assigned` reads again.
        """

        def signed(found: Checkpoint) -> Checkpoint:
            found = found.on(self.start.axis)
            fresh = change(found)
            return found if fresh == found else self.signed(fresh)

        return await self._file.update(signed, self.start, assigned)

    async def looked_for(self, marks: Mapping[date, str], images: ImagesLookedAt, as_of: int) -> None:
        """Save what looking for the stored images of days with these `marks` found. `as_of`: `readings` before it."""
        for day in images.summaries:
            self._ledger.forget(day)
        if images.summaries:
            await self.save(Coverage(), images.summaries, as_of, images.bases)

        def looked(found: Checkpoint) -> Checkpoint:
            # Another mark than that one was set since: the day has not been looked at as it is now.
            left = {day: mark for day, mark in found.unchecked.items() if marks.get(day) != mark}
            return replace(found, unchecked=left)

        await self.amend(looked)

    async def note(self, inventory: Inventory, consents: Mapping[str, int]) -> None:
        """Save what the inventory found, and what a person allowed."""
        now, summaries = self._clock.now(), dict(inventory.summaries)

        def change(found: Checkpoint) -> Checkpoint:
            return consented(inventory.noted(found, summaries), consents, self._run_id, now)

        if inventory.summaries or inventory.abandoned or inventory.moved_to or consents:
            await self.amend(change, self._assigned(summaries, inventory.as_of, {}))

    async def _summary(self, day: date) -> tuple[PartitionSummary, Base]:
        """Read the day's partition again. Raises ArchiveDamaged if it is missing."""
        self._ledger.forget(day)
        partition = await self._ledger.partition(day)
        return partition.summary(), partition.base

    def _assigned(self, summaries: dict[date, PartitionSummary], as_of: int, bases: dict[date, Base]) -> Assigned:
        """These summaries as what a change assigns: read again in place, unless a partition is still the same object."""

        async def look_again() -> None:
            for day, before in summaries.items():
                fresh, base = await self._summary(day)
                if fresh.version != before.version:
                    summaries[day], bases[day] = fresh, base

        return Assigned(as_of, look_again)

    def signed(self, checkpoint: Checkpoint) -> Checkpoint:
        """As saved now, and as this run's if it is one, with what it has read so far."""
        run_id = self._run_id if self._is_run else checkpoint.run_id
        sweep, read = checkpoint.sweep, self._read.intersect(checkpoint.coverage)
        if self._read_at is not None and read:
            sweep = replace(sweep, refreshed=read_again(sweep.refreshed, read, self._read_at))
        checkpoint = storing(checkpoint, self._run_id, self._storing, now := self._clock.now())
        return replace(checkpoint, run_id=run_id, saved_at=now, sweep=sweep)
