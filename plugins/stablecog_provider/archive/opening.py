"""What a run finds out before it writes anything: what is archived, what the source can do, and whose account it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from ..errors import AnotherAccount, ConfigurationError
from ..model.object_keys import day_of
from ..model.partition_summary import PartitionSummary
from ..model.times import BEGINNING
from .committing.checkpoint_file import CheckpointFile
from .committing.inventory import Inventory, is_expected, take_inventory
from .committing.ledger import Ledger
from .committing.moves import place_of
from .committing.neighbours import other_archives
from .committing.partitions import UNREADABLE
from .listing.account_check import Archived, check_account
from .listing.capabilities import Probe, WalkKind, probe
from .listing.settled import settled_before
from .listing.sweep import Slice, read_slice, sweep_from
from .ports import Ports
from .reports.wording import counted
from .run_settings import ArchiveSettings

MOST_LEFT_OUT = 4
"""Days that are left out one by one; if more cannot be read, a lifecycle rule has moved what is old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """`asked`: what the source can do. `settled`: nothing can appear before it any more. `known`: the partitions as the
    checkpoint knew them before the inventory. `slice_`: the stretch of the history that was read again on the way.
    `doubted`: why the account looks like another one, if a person allowed that. `on_the_way`: requests to the source that
    an opaque cursor cost. `warnings`: sentences about other archives in the bucket.
    """

    asked: Probe
    settled: datetime
    file: CheckpointFile
    ledger: Ledger
    inventory: Inventory
    known: Mapping[date, PartitionSummary]
    slice_: Slice | None
    doubted: str
    on_the_way: int
    warnings: tuple[str, ...]


async def open_run(ports: Ports, settings: ArchiveSettings, started: datetime, run_id: str) -> Opening:
    """Read the checkpoint, ask the source, and compare the account. Writes nothing. Raises ArchiveError."""
    file = CheckpointFile(ports.store, settings.layout, ports.sleep, run_id=run_id)
    await file.load()
    asked = await probe(ports.source, sweep_from(file.current))
    settled = _settled(asked, settings, started)
    ledger = _ledger(ports, settings, file, run_id)
    place = place_of(ports.store, settings.layout)
    known = file.current.partitions if file.current else {}
    inventory = await take_inventory(ports.manifest, ledger, file, settings.layout, place, started)
    before = ports.source.requests
    slice_, doubted = await _check_account(ports, settings, asked, file, ledger, inventory)
    opaque = asked.capabilities.walk is WalkKind.DOCUMENTED
    # An opaque cursor leads to the days that are looked at only from the top.
    on_the_way = ports.source.requests - before if opaque else 0
    warnings = await other_archives(ports, settings.layout, asked) if file.current is None else ()
    return Opening(
        asked=asked,
        settled=settled,
        file=file,
        ledger=ledger,
        inventory=inventory,
        known=known,
        slice_=slice_,
        doubted=doubted,
        on_the_way=on_the_way,
        warnings=warnings,
    )


def _settled(asked: Probe, settings: ArchiveSettings, now: datetime) -> datetime:
    """The instant before which nothing can appear any more. Raises ConfigurationError if `start` lies after it."""
    settled = settled_before(asked.page, asked.capabilities.axis, now)
    # A little after it is what a plan of windows and two clocks make: there is nothing to read yet.
    if settings.start and settings.start >= settled + timedelta(hours=1):
        raise ConfigurationError(
            f"start {settings.start} is too late: the source's listing can be read up to {settled}",
            hint="choose an earlier start",
        )
    return settled


def _ledger(ports: Ports, settings: ArchiveSettings, file: CheckpointFile, run_id: str) -> Ledger:
    has_undated_rows = file.current is not None and day_of(BEGINNING) in file.current.partitions
    return Ledger(
        ports.manifest,
        ports.clock,
        run_id,
        has_undated_rows=has_undated_rows,
        retry_all=settings.retry_failed,
        expects=lambda day: file.current is not None and is_expected(file.current.partitions, day),
    )


async def _check_account(
    ports: Ports, settings: ArchiveSettings, asked: Probe, file: CheckpointFile, ledger: Ledger, inventory: Inventory
) -> tuple[Slice | None, str]:
    """Returns the stretch that was read again on the way, and why the account looks like another one if a person allowed that.
    Raises AnotherAccount; nothing was written then.
    """
    if file.current is None:
        return None, ""
    known = inventory.noted(file.current.on(asked.capabilities.axis), inventory.summaries)
    slice_ = await read_slice(ports.source, asked, known)
    allowed = max(settings.allow_deletions, known.deletions_allowed)
    if asked.capabilities.empty and allowed >= known.live:
        return slice_, ""
    while True:
        unreadable = _left_out(known.partitions, ledger.unreadable)
        partitions = {day: each for day, each in known.partitions.items() if day not in unreadable}
        archived = Archived(
            archive=str(settings.layout),
            checkpoint=replace(known, partitions=partitions),
            partition=ledger.partition,
            lost=unreadable,
        )
        try:
            await check_account(ports.source, asked, archived, slice_)
        except AnotherAccount as doubt:
            if settings.allow_account_mismatch:
                return slice_, doubt.message
            raise _with_unreadable(doubt, ledger.unreadable) from None
        except UNREADABLE:
            if len(_left_out(known.partitions, ledger.unreadable)) == len(unreadable):
                raise
            # Others than the days that cannot be read may tell.
            continue
        else:
            return slice_, ""


def _with_unreadable(doubt: AnotherAccount, days: Mapping[date, str]) -> AnotherAccount:
    """The refusal, with the partitions that could have told: consent to one run would not make them readable for the next."""
    if not days:
        return doubt
    return AnotherAccount(
        f"{doubt.message}; {counted(len(days), 'partition')} cannot be read, so nobody can compare their outputs",
        hint="check the API key, and archive another account under another prefix; if it is the same account, first make the "
        f"partitions readable: {days[max(days)]}",
    )


def _left_out(days: Collection[date], unreadable: Collection[date]) -> set[date]:
    """The days by which the account is not recognised, because their partitions cannot be read."""
    if len(unreadable) <= MOST_LEFT_OUT:
        return {*unreadable}
    newest = max(unreadable)
    return {day for day in days if day <= newest}
