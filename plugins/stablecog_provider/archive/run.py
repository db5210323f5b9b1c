"""The use case `archive`: read what is new, copy it, commit it, and prove that nothing is missing."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from ..model.checkpoint import Checkpoint
from ..model.coverage import Coverage
from .committing.changed_days import changed_days, with_what_is_there_now
from .committing.commit import Committer
from .committing.ledger import Ledger
from .committing.pipeline import Pipeline
from .committing.starting_point import starting_point
from .committing.tally import Tally
from .copying.stored_images import StoredImages
from .copying.transfer import Transfer
from .earlier import Earlier, Postponed
from .listing.budget import MeasuredSource, request_limit
from .listing.capabilities import Probe, WalkKind
from .listing.expected import expected_outputs
from .listing.gaps import from_the_top, windows_to_read
from .listing.opaque_walk import PAGE_SIZE
from .listing.pace import OneSlice, Pace, Within
from .listing.settled import CLOCK_TOLERANCE
from .naming.step import note_models
from .opening import open_run
from .phases import Phases
from .ports import Ports, ProgressListener
from .proving.conclusion import conclude
from .recording import Recorder, recorded
from .reports.run import RunReport
from .reports.wording import damage_in_words, forgetting_in_words
from .resilience.retry import WaitElsewhere
from .run_settings import ArchiveSettings

__all__ = ["ArchiveSettings", "archive"]

_log = logging.getLogger(__name__)


async def archive(
    ports: Ports,
    settings: ArchiveSettings,
    on_progress: ProgressListener | None = None,
    earlier: Earlier | None = None,
) -> RunReport:
    """Archive every gap of coverage, commit, prove. Raises ArchiveError; what was committed before stays committed.

    `earlier`: what a run did that raised Postponed; this run continues it, and its report is about both.
    """
    started, run_id = ports.clock.now(), uuid.uuid4().hex[:12]
    before = earlier or Earlier(started_at=started)
    recorder = Recorder(ports.store, settings.layout, ports.clock, "run", run_id, started)
    try:
        async with recorded(recorder):
            return await _archive(ports, settings, on_progress, recorder, before)
    except WaitElsewhere as wait:
        so_far = Earlier(
            started_at=before.started_at,
            tally=replace(Tally.sum((before.tally, recorder.tally())), holes=Coverage()),
            source_requests=before.source_requests + ports.source.requests,
            store_requests=before.store_requests + ports.store.requests,
        )
        raise Postponed(wait, so_far) from None


async def _archive(
    ports: Ports,
    settings: ArchiveSettings,
    on_progress: ProgressListener | None,
    recorder: Recorder,
    earlier: Earlier,
) -> RunReport:
    started, run_id = recorder.started, recorder.run_id
    measured = MeasuredSource(ports.source)
    ports = replace(ports, source=measured)
    opened = await open_run(ports, settings, started, run_id)
    changed = await changed_days(ports.store, settings.layout, opened.inventory, opened.known)
    asked, settled, file, ledger = opened.asked, opened.settled, opened.file, opened.ledger
    inventory, slice_, doubted = opened.inventory, opened.slice_, opened.doubted
    opaque = asked.capabilities.walk is WalkKind.DOCUMENTED
    for warning in opened.warnings:
        # Now, and not only in the report: nothing has been copied yet.
        _log.warning("%s", warning)
    start = await starting_point(ports, settings.layout, file, asked, run_id, unsafe=settings.allow_unsafe_store)
    not_ended = await recorder.begin()
    names = await note_models(ports.naming, started + CLOCK_TOLERANCE)
    read_at = min(started, asked.page.source_time)
    committer = Committer(ports.manifest, file, ledger, ports.clock, run_id, start.checkpoint, read_at=read_at)
    await committer.note(inventory, _consents(settings, start.checkpoint.live))
    pipeline = _pipeline(ports, settings, ledger, committer, on_progress)
    recorder.tally = lambda: pipeline.total
    run = Phases(ports, settings, asked, ledger, committer, pipeline, started, settled, run_id)
    await run.look_for_images(settings.layout, on_progress or (lambda _: None))
    known = committer.checkpoint.on(asked.capabilities.axis)
    if doubted:
        # What the account check found missing is found by reading everything again, and the next run is not refused.
        known = replace(known, coverage=Coverage())
    windows = windows_to_read(known, settings, settled, started)
    if opaque:
        windows = from_the_top(windows)
    if not known.proofs:
        # No run has come to its end: this is the first one, or goes on with it. Later ones have little to read.
        pipeline.expect(await expected_outputs(ports.source, windows, asked.capabilities, known, settled))
    tally = Tally.sum((await run.read(windows, slice_, _pace(settings, known, started)), await run.retry()))
    proof, repaired = await run.prove(windows, tally)
    tally = Tally.sum((earlier.tally, tally, repaired))
    saved, outcome = await conclude(
        committer, proof, run_id, settled, run.read_at, ports.clock.now(), run.refreshing.noted
    )
    page_size = measured.served(PAGE_SIZE if opaque else settings.per_page)
    read_again = max(0, tally.read - tally.new)
    notes = (
        *opened.warnings,
        *start.notes,
        *names,
        *run.all_notes,
        *_clock_note(asked, started),
        *_doubt_note(doubted),
    )
    report = RunReport(
        run_id=run_id,
        archive=str(settings.layout),
        source=ports.source.address,
        started_at=earlier.started_at,
        finished_at=ports.clock.now(),
        outcome=outcome,
        walk=str(asked.capabilities.walk),
        capabilities=asked.capabilities.to_document(),
        axis=asked.capabilities.axis,
        coverage=saved.coverage,
        **tally.counts(),
        changed_days=tuple(sorted(committer.written | {*inventory.changed})),
        images=saved.images,
        pending_retries=len(saved.due),
        next_retry=_next_retry(saved.due.values(), ports.clock.now()),
        source_requests=earlier.source_requests + ports.source.requests,
        request_limit=earlier.source_requests
        + request_limit(
            tally.new,
            len(windows.windows) + run.listed_again + opened.on_the_way + run.refreshing.request_limit,
            read_again,
            page_size,
            measured.failed,
        ),
        store_requests=earlier.store_requests + ports.store.requests,
        proof=proof.proof,
        differences=saved.differences,
        holes=saved.holes,
        sweep=saved.sweep,
        changed=with_what_is_there_now(changed, saved.partitions),
        partitions=file.changes.summary(),
        reread=saved.reread,
        unchecked=len(saved.unchecked),
        verification=saved.verification(ports.clock.now()),
        refresh=saved.refresh(ports.clock.now()),
        hosts_down=run.pipeline.transfer.hosts.down,
        claims=proof.claims,
        notes=(*damage_in_words(saved.damage), *forgetting_in_words(saved.forgetting), *not_ended, *notes),
    )
    await recorder.write(report.to_document())
    return report


def _pace(settings: ArchiveSettings, known: Checkpoint, now: datetime) -> Pace:
    return OneSlice() if settings.refresh_within is None else Within(settings.refresh_within, known, now)


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
