"""Compares the partitions in the bucket with the checkpoint, by one listing, whatever the archive's size.

The checkpoint names each partition's object by its version. A partition that is gone is refused: its rows may be the only
record of what the source has deleted. A partition of another version (another tool wrote it, an earlier one was restored, a run
was killed before its checkpoint, a run is at work at the same time) is read, checked as strictly as ever and counted, and its day
is read from the source again: a count alone does not show which rows it holds. Partitions that a process was about to write
are looked up one by one, since the listing may lag.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from ...errors import ArchiveDamaged
from ...model.checkpoint import Checkpoint, Intent
from ...model.coverage import Coverage, Window
from ...model.object_keys import Layout
from ...model.partition_summary import PartitionSummary
from ...model.times import BEGINNING
from ..ports import Manifest
from .checkpoint_file import CheckpointFile
from .intent import abandoned, intended_days, is_announced
from .ledger import Ledger
from .moves import arrived, is_here, rewritten

LISTING_LAG = timedelta(minutes=3)
"""A listing is not believed to show versions otherwise than responses do, if a run saved so recently: it may show older ones."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """`summaries`: what those partitions hold whose version was not known. `changed`: those of them that something else than a
    finished run has changed. `unexplained`: those of `changed` that no run wrote that had announced it. `abandoned`: intents of
    processes that were killed, which this inventory settles. `as_of`: how often the checkpoint had been read before the
    partitions. `moved_to`: where the archive is now, if the last run was elsewhere.
    """

    summaries: Mapping[date, PartitionSummary] = field(default_factory=dict)
    changed: tuple[date, ...] = ()
    unexplained: tuple[date, ...] = ()
    abandoned: tuple[Intent, ...] = ()
    as_of: int = 0
    moved_to: str = ""

    def noted(self, checkpoint: Checkpoint, summaries: Mapping[date, PartitionSummary]) -> Checkpoint:
        """The checkpoint with the summaries as they are now, the changed days marked for reading, without abandoned intents."""
        # Another run may have saved since what it wrote: that is no change by something else.
        known = checkpoint.partitions
        changed = [day for day in self.changed if day not in known or known[day].version != summaries[day].version]
        unexplained = {*changed} & {*self.unexplained}
        checkpoint = distrusted(checkpoint) if unexplained else checkpoint
        partitions = {**checkpoint.partitions, **summaries}
        if self.moved_to:
            checkpoint = arrived(replace(checkpoint, partitions=partitions), self.moved_to)
        checkpoint = rewritten(checkpoint, changed)
        return replace(
            marked(checkpoint, changed),
            partitions=partitions,
            unchecked={**checkpoint.unchecked, **{day: summaries[day].version for day in unexplained}},
            intents=tuple(each for each in checkpoint.intents if each not in self.abandoned),
        )


def distrusted(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint without what a person allowed: if it does not know its partitions, it may be an earlier version, and what
    was allowed may have been used since.
    """
    return replace(checkpoint, deletions_allowed=0)


def marked(checkpoint: Checkpoint, days: Iterable[date]) -> Checkpoint:
    """The checkpoint with these days marked for reading. Outputs without a date, which lie under `BEGINNING`, cannot be."""
    again = Coverage.of(day_window(day) for day in days if day_window(day).start > BEGINNING)
    return replace(checkpoint, reread=checkpoint.reread.merge(again))


async def take_inventory(
    manifest: Manifest, ledger: Ledger, file: CheckpointFile, layout: Layout, place: str, now: datetime
) -> Inventory:
    """Count again what has changed; writes nothing. `place`: where the archive is, the store's address included. Raises
    ArchiveDamaged if a partition is missing.
    """
    if file.current is None:
        return Inventory()
    listed = await manifest.versions()
    odd = _odd(file.current, listed)
    if odd:
        # Another run may have saved since: what it wrote is no change by something else.
        odd = _odd(await file.load() or file.current, listed)
    intended, as_of = intended_days(file.current), file.readings
    missing = [
        day
        for day in expected_days(file.current)
        if (day not in listed or day in intended) and not await _is_there(manifest, day)
    ]
    if missing:
        raise missing_partitions(layout, missing)
    otherwise = _spelt_otherwise(file.current, listed, now)
    summaries: dict[date, PartitionSummary] = {}
    changed, unexplained = list[date](), list[date]()
    for day in await ledger.readable(sorted(intended.union(odd))):
        partition = await ledger.partition(day)
        summary, before = partition.summary(), file.current.partitions.get(day, PartitionSummary())
        if before.version != summary.version:
            changed.append(day)
            if not is_announced(file.current, day, partition.base.run_id):
                unexplained.append(day)
        elif day not in odd or not otherwise:
            continue
        summaries[day] = replace(summary, listed=listed[day] if day in odd and otherwise else "")
    moved_to = "" if is_here(file.current, place) else place
    return Inventory(summaries, tuple(changed), tuple(unexplained), abandoned(file.current, now), as_of, moved_to)


def _odd(known: Checkpoint, listed: Mapping[date, str]) -> list[date]:
    """Return the days whose partition is listed with another version than the checkpoint has."""
    return [
        day
        for day, version in listed.items()
        if day not in known.partitions or not known.partitions[day].is_version(version)
    ]


def _spelt_otherwise(known: Checkpoint, listed: Mapping[date, str], now: datetime) -> bool:
    """Return whether this store's listing spells every version otherwise than its responses, as some gateways do.

    An earlier version must not be taken for another spelling of the current one: if it is restored later, nobody would notice.
    """
    spelt_alike = any(day in known.partitions and known.partitions[day].version == listed[day] for day in listed)
    is_calm = known.saved_at is not None and known.saved_at < now - LISTING_LAG
    return len(listed) >= 2 and not spelt_alike and is_calm


async def _is_there(manifest: Manifest, day: date) -> bool:
    """Return whether the day's object exists. Some stores list a new object only after a delay."""
    return bool((await manifest.load(day)).version)


def expected_days(checkpoint: Checkpoint) -> list[date]:
    """Return the days whose partition the checkpoint lists, in ascending order."""
    return sorted(day for day in checkpoint.partitions if is_expected(checkpoint.partitions, day))


def is_expected(partitions: Mapping[date, PartitionSummary], day: date) -> bool:
    """Whether the day must have a partition."""
    known = partitions.get(day)
    return known is not None and bool(known.version or known.live)


def day_window(day: date) -> Window:
    """A UTC day as a window."""
    start = datetime.combine(day, time(), UTC)
    return Window(start, start + timedelta(days=1))


def missing_partitions(layout: Layout, days: Iterable[date]) -> ArchiveDamaged:
    first, *others = days
    more = f" and {len(others)} more" if others else ""
    return ArchiveDamaged(
        f"{layout.uri(layout.partition(first))}{more} is missing, but the checkpoint lists it",
        hint="restore the object (an earlier version, a backup), or run `stablecog-archive rebuild`: the next run then "
        "reads the day again, but the rows of outputs that the source has deleted are lost; images are kept",
    )
