"""The use case `archive`: read what is new, copy it, commit it, and prove that nothing is missing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

from ..errors import AnotherAccount, ConfigurationError, ObjectInArchiveClass
from ..model.coverage import Coverage, Window
from ..model.object_keys import day_of
from ..model.times import BEGINNING, FAR_FUTURE
from .committing.checkpoint_file import CheckpointFile
from .committing.commit import Committer
from .committing.inventory import Inventory, is_expected, place_of, take_inventory
from .committing.ledger import Ledger
from .committing.pipeline import Pipeline
from .committing.starting_point import starting_point
from .committing.tally import Tally
from .copying.stored_images import StoredImages
from .copying.transfer import Transfer
from .listing.account_check import Archived, check_account
from .listing.budget import MeasuredSource, request_limit
from .listing.capabilities import Probe, WalkKind, probe
from .listing.counts import count_window
from .listing.gaps import from_the_top, windows_to_read
from .listing.opaque_walk import PAGE_SIZE
from .listing.sweep import Slice, read_slice, sweep_from
from .phases import Phases
from .ports import Ports, ProgressListener
from .proving.conclusion import conclude
from .reports.run import RunReport
from .run_settings import ArchiveSettings

__all__ = ["ArchiveSettings", "archive"]

MOST_LEFT_OUT = 4
"""Days that are left out one by one; if more cannot be read, a lifecycle rule has moved what is old."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""The source's clock is believed so far ahead of ours: else one wrong `Date` would claim days that have not come."""


async def archive(ports: Ports, settings: ArchiveSettings, on_progress: ProgressListener | None = None) -> RunReport:
    """Archive every gap of coverage, commit, prove. Raises ArchiveError; what was committed before stays committed."""
    started, run_id = ports.clock.now(), uuid.uuid4().hex[:12]
    measured = MeasuredSource(ports.source)
    ports = replace(ports, source=measured)
    file = CheckpointFile(ports.store, settings.layout, ports.sleep)
    await file.load()
    asked = await probe(ports.source, sweep_from(file.current))
    settled = _settled(asked, settings, started)
    ledger = _ledger(ports, settings, file, run_id)
    place = place_of(ports.store, settings.layout)
    inventory = await take_inventory(ports.manifest, ledger, file, settings.layout, place, started)
    opaque, before = asked.capabilities.walk is WalkKind.DOCUMENTED, ports.source.requests
    slice_, doubted = await _check_account(ports, settings, asked, file, ledger, inventory)
    # An opaque cursor leads to the days that are looked at only from the top.
    on_the_way = ports.source.requests - before if opaque else 0
    start = await starting_point(ports, settings.layout, file, asked, run_id, unsafe=settings.allow_unsafe_store)
    committer = Committer(ports.manifest, file, ledger, ports.clock, run_id, start.checkpoint)
    await committer.note(inventory, _consents(settings, start.checkpoint.live))
    pipeline = _pipeline(ports, settings, ledger, committer, on_progress)
    if not (committer.checkpoint.coverage or settings.start or settings.end):
        # All that the source counts is new. Otherwise nobody knows yet how much is.
        pipeline.expect(await count_window(ports.source, Window(BEGINNING, FAR_FUTURE)))
    run = Phases(ports, settings, asked, ledger, committer, pipeline, started, settled, run_id)
    await run.look_for_images(settings.layout, on_progress or (lambda _: None))
    known = committer.checkpoint.on(asked.capabilities.axis)
    if doubted:
        # What the account check found missing is found by reading everything again, and the next run is not refused.
        known = replace(known, coverage=Coverage())
    windows = windows_to_read(known, settings, settled, started)
    if opaque:
        windows = from_the_top(windows)
    tally = Tally.sum((await run.read(windows, slice_), await run.retry()))
    proof, repaired = await run.prove(windows, tally)
    tally = Tally.sum((tally, repaired))
    saved, outcome = await conclude(committer, proof, slice_, run_id, settled, run.read_at, ports.clock.now())
    page_size = measured.served(PAGE_SIZE if opaque else settings.per_page)
    read_again = max(0, tally.read - tally.new)
    report = RunReport(
        run_id=run_id,
        archive=str(settings.layout),
        source=ports.source.address,
        started_at=started,
        finished_at=ports.clock.now(),
        outcome=outcome,
        walk=str(asked.capabilities.walk),
        capabilities=asked.capabilities.to_document(),
        axis=asked.capabilities.axis,
        coverage=saved.coverage,
        **tally.counts(),
        images=saved.images,
        pending_retries=len(saved.due),
        next_retry=_next_retry(saved.due.values(), ports.clock.now()),
        source_requests=ports.source.requests,
        request_limit=request_limit(
            tally.new, len(windows.windows) + run.listed_again + on_the_way, read_again, page_size
        ),
        store_requests=ports.store.requests,
        proof=proof.proof,
        differences=saved.differences,
        holes=saved.holes,
        sweep=saved.sweep,
        changed=inventory.changed,
        reread=saved.reread,
        unchecked=len(saved.unchecked),
        verification=saved.verification(ports.clock.now()),
        hosts_down=run.pipeline.transfer.hosts.down,
        claims=proof.claims,
        notes=(*start.notes, *run.all_notes, *_clock_note(asked, started), *_doubt_note(doubted)),
    )
    await ports.store.put(
        settings.layout.run_report(report.started_at, report.run_id),
        json.dumps(report.to_document(), sort_keys=True, indent=1).encode() + b"\n",
        content_type="application/json",
    )
    return report


def _settled(asked: Probe, settings: ArchiveSettings, now: datetime) -> datetime:
    """The instant before which nothing can appear any more. Raises ConfigurationError if `start` lies after it."""
    settled = min(asked.page.source_time, now + CLOCK_TOLERANCE) - asked.capabilities.axis.settling
    # A little after it is what a plan of windows and two clocks make: there is nothing to read yet.
    if settings.start and settings.start >= settled + timedelta(hours=1):
        raise ConfigurationError(
            f"start {settings.start} is too late: the source's listing can be read up to {settled}",
            hint="choose an earlier start",
        )
    return settled


def _clock_note(asked: Probe, now: datetime) -> tuple[str, ...]:
    ahead = asked.page.source_time - now
    if abs(ahead) <= CLOCK_TOLERANCE:
        return ()
    direction = "ahead of" if ahead > timedelta(0) else "behind"
    apart = timedelta(seconds=round(abs(ahead).total_seconds()))
    return (
        f"The source's clock is {apart} {direction} this machine's. Nothing is claimed beyond the "
        "source's clock, or more than 5 minutes beyond this machine's. If this machine's clock is wrong, set it.",
    )


def _next_retry(due: Iterable[datetime], now: datetime) -> datetime | None:
    """When the next image is due; now, if one is that was skipped."""
    soonest = min(due, default=None)
    return soonest and max(soonest, now)


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
            if not settings.allow_account_mismatch:
                raise
            return slice_, doubt.message
        except ObjectInArchiveClass:
            # Others than the days that cannot be read may tell.
            continue
        else:
            return slice_, ""


def _left_out(days: Collection[date], unreadable: Collection[date]) -> set[date]:
    """The days by which the account is not recognised, because their partitions cannot be read."""
    if len(unreadable) <= MOST_LEFT_OUT:
        return {*unreadable}
    newest = max(unreadable)
    return {day for day in days if day <= newest}


def _doubt_note(doubt: str) -> tuple[str, ...]:
    return (
        (f"Everything was read again, because --allow-account-mismatch overrides this doubt: {doubt}.",)
        if doubt
        else ()
    )


def _consents(settings: ArchiveSettings, live: int) -> dict[str, int]:
    """What a person allowed, with the number of outputs that it is about."""
    consents = {"deletions": settings.allow_deletions, "account": live if settings.allow_account_mismatch else 0}
    return {kind: count for kind, count in consents.items() if count}


def _pipeline(
    ports: Ports,
    settings: ArchiveSettings,
    ledger: Ledger,
    committer: Committer,
    on_progress: ProgressListener | None,
) -> Pipeline:
    transfer = Transfer(
        ports.images,
        ports.store,
        settings.layout,
        concurrency=settings.concurrency,
        bytes_in_flight=settings.bytes_in_flight,
        any_archived=committer.checkpoint.images.archived > 0,
        sleep=ports.sleep,
        monotonic=ports.monotonic,
    )
    return Pipeline(
        ledger=ledger,
        transfer=transfer,
        stored_images=StoredImages(ports.store, settings.layout),
        committer=committer,
        clock=ports.clock,
        on_progress=on_progress or (lambda _: None),
    )
