"""Make the checkpoint anew from what cannot be lost with it: the manifest, and the source's counts.

Every partition is read, one at a time; what the source counts as the manifest does is covered, what it counts otherwise stays a
gap that the next run reads. So coverage is never restarted from nothing, and never claims more than a count has proven. What was
damaged is kept under `damaged/`; nothing is deleted.

The edge: a count proves a stretch only once nothing can complete in it any more, so the new coverage ends 300 s before now, or at
the first output that the manifest lacks.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime

from ..errors import AnotherAccount, ArchiveDamaged, ArchiveTooNew, ConfigurationError
from ..model.checkpoint import Checkpoint, Proof
from ..model.coverage import MAX_LATENCY, Axis, Coverage, Window
from ..model.manifest import is_live
from ..model.object_keys import Layout
from ..model.times import BEGINNING
from .committing.checkpoint_file import CheckpointFile
from .committing.tally import Failure
from .fixity.lost_images import as_failed, lost_images
from .listing.account_check import Archived, check_account
from .listing.capabilities import Probe, probe
from .listing.counts import SourceCounts
from .ports import Partition, Ports, Progress, ProgressListener
from .proving.bisection import CountComparison, LiveCount, by_date, by_total
from .reports.rebuild import RebuildReport


@dataclass(frozen=True, slots=True)
class RebuildSettings:
    """`set_aside_damaged`: move partitions that cannot be read out of the way, so that their days become gaps. `check_images`:
    look whether every archived image lies in the bucket. `allow_account_mismatch`: as in a run.
    """

    layout: Layout
    set_aside_damaged: bool = False
    check_images: bool = False
    allow_account_mismatch: bool = False


@dataclass(slots=True)
class _Inventory:
    """What the partitions hold, and those that cannot be read."""

    days: dict[date, int] = field(default_factory=dict)
    versions: dict[date, str] = field(default_factory=dict)
    retries: dict[date, datetime] = field(default_factory=dict)
    newest: datetime = BEGINNING
    damaged: dict[date, ArchiveDamaged] = field(default_factory=dict)

    def take(self, partition: Partition) -> None:
        self.days[partition.day] = partition.live_count()
        self.versions[partition.day] = partition.version
        due = partition.next_retry()
        if due is not None:
            self.retries[partition.day] = due


async def rebuild(
    ports: Ports, settings: RebuildSettings, on_progress: ProgressListener | None = None
) -> RebuildReport:
    """Rebuild the checkpoint. Raises ArchiveError; until the last write, what stood there stands."""
    layout = settings.layout
    notify: ProgressListener = on_progress or (lambda _: None)
    report = RebuildReport(
        run_id=uuid.uuid4().hex[:12],
        archive=str(layout),
        source=ports.source.address,
        started_at=ports.clock.now(),
        images_checked=settings.check_images,
    )
    file = CheckpointFile(ports.store, layout, ports.sleep)
    unreadable = await file.salvage(ports.source.address)
    report.checkpoint_was = f"damaged ({unreadable.message})" if unreadable else "whole" if file.current else "missing"
    asked = await probe(ports.source)
    report.axis = asked.capabilities.axis
    inventory = await _take_inventory(ports, notify)
    report.missing = sorted({*file.current.versions} - {*inventory.versions}) if file.current else []
    await _check_preconditions(ports, settings, file, asked, inventory, report)

    await _repair(ports, settings, inventory, report, notify)
    coverage = await _coverage(ports, asked, inventory, report, notify)
    rebuilt = Checkpoint(
        source=ports.source.address,
        axis=asked.capabilities.axis,
        coverage=coverage,
        days=inventory.days,
        versions=inventory.versions,
        retries=inventory.retries,
        proof=report.proof,
        store_probed=file.current.store_probed if file.current else "",
        run_id=report.run_id,
        saved_at=ports.clock.now(),
    )
    await file.replace(rebuilt, layout.set_aside(layout.checkpoint, report.run_id))
    if unreadable:
        report.set_aside.append(layout.uri(layout.set_aside(layout.checkpoint, report.run_id)))
    report.coverage, report.live = coverage, rebuilt.live
    return await _finish(ports, layout, report)


async def _take_inventory(ports: Ports, on_progress: ProgressListener) -> _Inventory:
    """Read every partition, one at a time. Raises ArchiveTooNew: that is no damage."""
    inventory = _Inventory()
    days = await ports.manifest.days()
    for number, day in enumerate(days):
        on_progress(Progress(done=number, planned=len(days), stage="reading the manifest"))
        try:
            partition = await ports.manifest.load(day)
        except ArchiveTooNew:
            raise
        except ArchiveDamaged as error:
            inventory.damaged[day] = error
            continue
        inventory.take(partition)
        if inventory.days[day]:
            inventory.newest = max(row.created_at for row in partition.rows() if is_live(row))
    return inventory


async def _check_preconditions(
    ports: Ports,
    settings: RebuildSettings,
    file: CheckpointFile,
    asked: Probe,
    inventory: _Inventory,
    report: RebuildReport,
) -> None:
    """Raises where nothing may be written: nothing is there, what is there is damaged, or it is another account's."""
    if report.checkpoint_was == "missing" and not inventory.versions and not inventory.damaged:
        async for _ in ports.store.list(settings.layout.images):
            break
        else:
            raise ConfigurationError(
                f"there is no archive at {settings.layout}",
                hint="check the address; the first `stablecog-archive run` makes one",
            )
    if inventory.damaged and not settings.set_aside_damaged:
        named = "; ".join(error.message for error in list(inventory.damaged.values())[:5])
        raise ArchiveDamaged(
            f"{len(inventory.damaged)} partitions cannot be read, and nothing was changed: {named}",
            hint="restore earlier versions of the objects, or say --set-aside-damaged: they are moved to damaged/, their "
            "days become gaps, and the next run reads and copies those days again",
        )
    days = [day for day, count in sorted(inventory.days.items()) if count]
    if settings.allow_account_mismatch or not days:
        return
    if asked.capabilities.empty:
        raise AnotherAccount(f"the source at {ports.source.address} lists nothing, and {settings.layout} holds outputs")
    archived = Archived(archive=str(settings.layout), days=days, partition=ports.manifest.load)
    await check_account(ports.source, asked, archived)


async def _repair(
    ports: Ports, settings: RebuildSettings, inventory: _Inventory, report: RebuildReport, on_progress: ProgressListener
) -> None:
    """Set aside what cannot be read; mark the images that are lost, so that the next run copies them."""
    layout = settings.layout
    for day in inventory.damaged:
        key = layout.set_aside(layout.partition(day), report.run_id)
        inventory.take(await ports.manifest.set_aside(day, key))
        report.set_aside.append(layout.uri(key))
    if not settings.check_images:
        return
    for number, day in enumerate(sorted(inventory.days)):
        on_progress(Progress(done=number, planned=len(inventory.days), stage="looking for images"))
        partition = await ports.manifest.load(day)
        lost = await lost_images(ports.store, layout, partition)
        if lost:
            inventory.take(await ports.manifest.amend(day, as_failed(lost, ports.clock.now())))
            report.lost_images += [Failure(*key, found.reason) for key, found in sorted(lost.items())]


async def _coverage(
    ports: Ports, asked: Probe, inventory: _Inventory, report: RebuildReport, on_progress: ProgressListener
) -> Coverage:
    """What the counts prove, on the axis of this source's walk."""
    on_progress(Progress(stage="comparing counts"))
    counts = SourceCounts(source=ports.source, capabilities=asked.capabilities, claims=report.claims)
    end = asked.page.source_time - MAX_LATENCY
    if not asked.capabilities.counts_by_date:
        report.claims.append("The source's counts do not honour dates: only its grand total could be compared.")
        # What was requested before `newest - MAX_LATENCY` had completed when the newest output was read.
        ends = [end, inventory.newest - MAX_LATENCY] if inventory.newest > BEGINNING + MAX_LATENCY else [end]
        proven = await by_total(counts, inventory.days, [one for one in ends if one <= end], _live_in(ports))
    else:
        stretches = await by_date(counts, inventory.days, end, _live_in(ports))
        report.gaps = [cell for cell in stretches if not cell.agrees]
        proven = Coverage.of(cell.window for cell in stretches if cell.agrees)
        report.proof = _proof(stretches, report.gaps, ports.clock.now())
    return proven.on(asked.capabilities.axis, Axis.REQUESTED)


def _live_in(ports: Ports) -> LiveCount:
    async def live(day: date, window: Window) -> int:
        return (await ports.manifest.load(day)).live_count(window)

    return live


def _proof(stretches: list[CountComparison], gaps: list[CountComparison], now: datetime) -> Proof | None:
    """Of the whole; none where differences happen to cancel out."""
    source, manifest = sum(cell.source for cell in stretches), sum(cell.manifest for cell in stretches)
    if gaps and source == manifest:
        return None
    return Proof(BEGINNING, stretches[-1].window.end, source, manifest, now)


async def _finish(ports: Ports, layout: Layout, report: RebuildReport) -> RebuildReport:
    report.finished_at = ports.clock.now()
    report.source_requests, report.store_requests = ports.source.requests, ports.store.requests
    await ports.store.put(
        layout.run_report(report.started_at, report.run_id),
        json.dumps(report.to_document(), sort_keys=True, indent=1).encode() + b"\n",
        content_type="application/json",
    )
    return report
