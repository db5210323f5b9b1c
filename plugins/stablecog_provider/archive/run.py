"""Archive what the source has and the bucket lacks: the story itself."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from ..errors import ConfigurationError
from ..model.checkpoint import Checkpoint, Proof
from ..model.coverage import Axis, Coverage, Window
from ..model.manifest import LONGEST_REST
from ..model.object_keys import Layout, day_of
from ..model.page import MAX_PER_PAGE
from ..model.times import BEGINNING, FAR_FUTURE
from .committing.checkpoint_file import CheckpointFile, probe_store
from .committing.commit import Committer
from .committing.inventory import take_inventory
from .committing.ledger import Ledger
from .committing.pipeline import Pipeline
from .committing.tally import Tally
from .copying.concurrency import DEFAULT_CONCURRENCY
from .copying.transfer import Transfer
from .listing.account_check import Archived, check_account
from .listing.capabilities import Capabilities, Probe, probe
from .listing.walk import walk
from .ports import Ports, ProgressListener
from .proving.proof import Prover
from .proving.whole import prove_run
from .reports.run import RunReport


@dataclass(frozen=True, slots=True)
class ArchiveSettings:
    """What one run is asked to do.

    `start`, `end`: bound the windows to archive (None: from the first output, to what is settled). `lookback`: how much of
    what is already covered is read again, so that late upscales and changed metadata arrive. `retry_failed`: try all failed
    images again, whenever they are due. `allow_unsafe_store`: go on where the store ignores conditional writes.
    `allow_account_mismatch`: go on where the source lists nothing of what is archived.
    """

    layout: Layout
    start: datetime | None = None
    end: datetime | None = None
    lookback: timedelta = timedelta(days=1)
    per_page: int = MAX_PER_PAGE
    concurrency: int = DEFAULT_CONCURRENCY
    bytes_in_flight: int = 32 * 1024 * 1024
    retry_failed: bool = False
    allow_unsafe_store: bool = False
    allow_account_mismatch: bool = False

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            instant = getattr(self, name)
            if instant is not None and (instant.tzinfo is None or not BEGINNING <= instant < FAR_FUTURE):
                raise ConfigurationError(
                    f"{name}: {instant} is not an instant with a time zone from 2000 to 2199",
                    hint=f"correct {name}, or leave it out: everything settled is archived then",
                )
        if self.start and self.end and self.start >= self.end:
            raise ConfigurationError(
                f"start {self.start} is not before end {self.end}", hint="the end is exclusive: name a later one"
            )
        if self.lookback < timedelta(0):
            raise ConfigurationError(f"lookback: {self.lookback} is negative", hint="0 switches it off")
        for name, value, most in (("per_page", self.per_page, MAX_PER_PAGE), ("concurrency", self.concurrency, 1024)):
            if not 1 <= value <= most:
                raise ConfigurationError(f"{name}: {value} is not between 1 and {most}", hint=f"choose another {name}")


async def archive(ports: Ports, settings: ArchiveSettings, on_progress: ProgressListener | None = None) -> RunReport:
    """Archive every gap of coverage, commit, prove. Raises ArchiveError; what was committed before stays committed."""
    started, run_id = ports.clock.now(), uuid.uuid4().hex[:12]
    file = CheckpointFile(ports.store, settings.layout, ports.sleep)
    await file.load(ports.source.address)
    asked = await probe(ports.source)
    capabilities = asked.capabilities
    settled = _settled(asked, settings)
    ledger = _ledger(ports, settings, file, run_id)
    if file.current and not settings.allow_account_mismatch and not capabilities.empty:
        await check_account(ports.source, asked, _archived(file.current, ledger, settings))
    start = await _starting_point(ports, settings, file, capabilities, run_id)
    committer = Committer(ports.manifest, file, ledger, ports.clock, run_id, start)
    pipeline = _pipeline(ports, settings, ledger, committer, run_id, on_progress)
    await take_inventory(ports.manifest, committer, settings.layout)
    due = _due(committer.checkpoint.retries, started, everything=settings.retry_failed)
    windows = await _windows(start, settings, settled, ledger, due)
    tallies = [
        await pipeline.run(pipeline.work_items(walk(ports.source, window, capabilities, settings.per_page)))
        for window in windows
    ]
    # Last, so that a host of images that fails for long keeps nothing new from being read.
    tallies.append(await pipeline.run(pipeline.retries(due)))
    prover = Prover(
        source=ports.source,
        capabilities=capabilities,
        pipeline=pipeline,
        ledger=ledger,
        committer=committer,
        clock=ports.clock,
        per_page=settings.per_page,
        began=started,
    )
    asked_for = Window(settings.start or BEGINNING, settings.end or FAR_FUTURE)
    proven = await prove_run(prover, asked_for, windows, Tally.sum(tallies).holes)
    saved = await _save_proof(file, committer, proven.proof, run_id)
    report = RunReport(
        run_id=run_id,
        archive=str(settings.layout),
        source=ports.source.address,
        started_at=started,
        finished_at=ports.clock.now(),
        walk=str(capabilities.walk),
        capabilities=capabilities.to_document(),
        axis=capabilities.axis,
        coverage=saved.coverage,
        **Tally.sum((*tallies, proven.tally)).counts(),
        pending_retries=len(saved.retries),
        next_retry=min(saved.retries.values(), default=None),
        source_requests=ports.source.requests,
        store_requests=ports.store.requests,
        proof=proven.proof,
        differences=proven.differences,
        holes=proven.holes,
        claims=proven.claims,
    )
    await _keep(ports, settings, report)
    return report


def _settled(asked: Probe, settings: ArchiveSettings) -> datetime:
    """The instant before which nothing can appear any more. Raises ConfigurationError if `start` lies after it."""
    settled = asked.page.source_time - asked.capabilities.axis.settling
    # A little after it is what a plan of windows and two clocks make: there is nothing to read yet.
    if settings.start and settings.start >= settled + timedelta(hours=1):
        raise ConfigurationError(
            f"start {settings.start} is after everything that the source can have: by its clock, it is settled up to {settled}",
            hint="name an earlier start",
        )
    return settled


def _ledger(ports: Ports, settings: ArchiveSettings, file: CheckpointFile, run_id: str) -> Ledger:
    has_undated_rows = file.current is not None and day_of(BEGINNING) in file.current.days
    return Ledger(
        ports.manifest, ports.clock, run_id, has_undated_rows=has_undated_rows, retry_all=settings.retry_failed
    )


def _pipeline(
    ports: Ports,
    settings: ArchiveSettings,
    ledger: Ledger,
    committer: Committer,
    run_id: str,
    on_progress: ProgressListener | None,
) -> Pipeline:
    transfer = Transfer(
        ports.images,
        ports.store,
        settings.layout,
        concurrency=settings.concurrency,
        bytes_in_flight=settings.bytes_in_flight,
        sleep=ports.sleep,
        monotonic=ports.monotonic,
    )
    return Pipeline(
        ledger=ledger,
        transfer=transfer,
        committer=committer,
        clock=ports.clock,
        run_id=run_id,
        on_progress=on_progress or (lambda _: None),
    )


async def _windows(
    start: Checkpoint, settings: ArchiveSettings, settled: datetime, ledger: Ledger, due: list[date]
) -> Coverage:
    """What to read: gaps, the lookback, and the places of unreadable outputs that are due."""
    windows = windows_to_read(start.coverage, settings, settled)
    for day in due:
        unread = (await ledger.unread(day)).around(start.axis, Axis.REQUESTED)
        # Widened by what may have been in flight around it, and no further than what has settled.
        windows = windows.merge(unread.intersect(Coverage((Window(BEGINNING, settled),))))
    return windows


def _due(retries: Mapping[date, datetime], now: datetime, *, everything: bool) -> list[date]:
    """The days whose failed images are due. A rest that is longer than any was stamped by a clock that was ahead."""
    soon = LONGEST_REST if everything else timedelta(0)
    return sorted(day for day, at in retries.items() if at - now <= soon or at - now > LONGEST_REST)


def windows_to_read(covered: Coverage, settings: ArchiveSettings, settled: datetime) -> Coverage:
    """The gaps between what is asked for and what is covered, and the lookback before the end of coverage."""
    start, end = settings.start or BEGINNING, min(settings.end or settled, settled)
    if start >= end:
        return Coverage()
    wanted = Window(start, end)
    gaps = covered.gaps(wanted)
    reached = covered.intersect(Coverage((wanted,))).windows
    if settings.end is None and settings.lookback and reached:
        newest = reached[-1].end
        gaps = gaps.merge(Coverage((Window(max(start, newest - settings.lookback), newest),)))
    return gaps


def _archived(checkpoint: Checkpoint, ledger: Ledger, settings: ArchiveSettings) -> Archived:
    days = [day for day, count in sorted(checkpoint.days.items()) if count]
    return Archived(archive=str(settings.layout), days=days, partition=ledger.partition)


async def _starting_point(
    ports: Ports, settings: ArchiveSettings, file: CheckpointFile, capabilities: Capabilities, run_id: str
) -> Checkpoint:
    """The checkpoint to go on from, on this run's axis, once the store is known to be safe.

    A new archive's is saved before its first row: a manifest without a checkpoint is then always a loss, never a beginning.
    """
    store = "unsafe, allowed" if settings.allow_unsafe_store else settings.layout.bucket
    start = file.current or Checkpoint(source=ports.source.address, axis=capabilities.axis)
    if start.store_probed != store:
        if not settings.allow_unsafe_store:
            await probe_store(ports.store, settings.layout, run_id, ports.sleep)
        start = await file.update(lambda checkpoint: replace(checkpoint, store_probed=store), start)
    return start.on(capabilities.axis)


async def _save_proof(file: CheckpointFile, committer: Committer, proof: Proof | None, run_id: str) -> Checkpoint:
    return await file.update(lambda found: replace(found, proof=proof or found.proof, run_id=run_id), committer.start)


async def _keep(ports: Ports, settings: ArchiveSettings, report: RunReport) -> None:
    """Write the report under `runs/`."""
    await ports.store.put(
        settings.layout.run_report(report.started_at, report.run_id),
        json.dumps(report.to_document(), sort_keys=True, indent=1).encode() + b"\n",
        content_type="application/json",
    )
