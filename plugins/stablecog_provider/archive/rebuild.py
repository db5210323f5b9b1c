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
from .fixity.lost_images import as_failed, lost_images
from .listing.account_check import Archived, assure_same_account
from .listing.capabilities import Probe, probe
from .listing.counts import SourceCounts
from .ports import Partition, Progress, Watcher, World
from .proving.bisection import Counted, LiveCount, by_date, by_total
from .reports.rebuild import RebuildReport
from .reports.run import Failure


@dataclass(frozen=True, slots=True)
class RebuildSettings:
    """`set_aside_damaged`: move partitions that cannot be read out of the way, so that their days become gaps. `check_images`:
    look whether every archived image lies in the bucket. `same_account`: as in a run.
    """

    layout: Layout
    set_aside_damaged: bool = False
    check_images: bool = False
    same_account: bool = False


@dataclass(slots=True)
class _Stock:
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


async def rebuild(world: World, settings: RebuildSettings, watch: Watcher | None = None) -> RebuildReport:
    """Rebuild the checkpoint. Raises ArchiveError; until the last write, what stood there stands."""
    layout = settings.layout
    tell: Watcher = watch or (lambda _: None)
    report = RebuildReport(
        run_id=uuid.uuid4().hex[:12],
        archive=str(layout),
        source=world.source.address,
        started_at=world.clock.now(),
        images_checked=settings.check_images,
    )
    file = CheckpointFile(world.store, layout, world.sleep)
    unreadable = await file.salvage(world.source.address)
    report.checkpoint_was = f"damaged ({unreadable.message})" if unreadable else "whole" if file.current else "missing"
    asked = await probe(world.source)
    report.axis = asked.abilities.axis
    stock = await _stock(world, tell)
    report.missing = sorted({*file.current.versions} - {*stock.versions}) if file.current else []
    await _refuse(world, settings, file, asked, stock, report)

    await _mend(world, settings, stock, report, tell)
    coverage = await _coverage(world, asked, stock, report, tell)
    rebuilt = Checkpoint(
        source=world.source.address,
        axis=asked.abilities.axis,
        coverage=coverage,
        days=stock.days,
        versions=stock.versions,
        retries=stock.retries,
        proof=report.proof,
        store_probed=file.current.store_probed if file.current else "",
        run_id=report.run_id,
        saved_at=world.clock.now(),
    )
    await file.replace(rebuilt, layout.set_aside(layout.checkpoint, report.run_id))
    if unreadable:
        report.set_aside.append(layout.uri(layout.set_aside(layout.checkpoint, report.run_id)))
    report.coverage, report.live = coverage, rebuilt.live
    return await _closed(world, layout, report)


async def _stock(world: World, watch: Watcher) -> _Stock:
    """Read every partition, one at a time. Raises ArchiveTooNew: that is no damage."""
    stock = _Stock()
    days = await world.manifest.days()
    for number, day in enumerate(days):
        watch(Progress(done=number, planned=len(days), stage="reading the manifest"))
        try:
            partition = await world.manifest.load(day)
        except ArchiveTooNew:
            raise
        except ArchiveDamaged as error:
            stock.damaged[day] = error
            continue
        stock.take(partition)
        if stock.days[day]:
            stock.newest = max(row.created_at for row in partition.rows() if is_live(row))
    return stock


async def _refuse(
    world: World, settings: RebuildSettings, file: CheckpointFile, asked: Probe, stock: _Stock, report: RebuildReport
) -> None:
    """Raises where nothing may be written: nothing is there, what is there is damaged, or it is another account's."""
    if report.checkpoint_was == "missing" and not stock.versions and not stock.damaged:
        async for _ in world.store.list(settings.layout.images):
            break
        else:
            raise ConfigurationError(
                f"there is no archive at {settings.layout}",
                way_out="check the address; the first `stablecog-archive run` makes one",
            )
    if stock.damaged and not settings.set_aside_damaged:
        named = "; ".join(error.message for error in list(stock.damaged.values())[:5])
        raise ArchiveDamaged(
            f"{len(stock.damaged)} partitions cannot be read, and nothing was changed: {named}",
            way_out="restore earlier versions of the objects, or say --set-aside-damaged: they are moved to damaged/, their "
            "days become gaps, and the next run reads and copies those days again",
        )
    days = [day for day, count in sorted(stock.days.items()) if count]
    if settings.same_account or not days:
        return
    if asked.abilities.empty:
        raise AnotherAccount(f"the source at {world.source.address} lists nothing, and {settings.layout} holds outputs")
    archived = Archived(archive=str(settings.layout), days=days, partition=world.manifest.load)
    await assure_same_account(world.source, asked, archived)


async def _mend(world: World, settings: RebuildSettings, stock: _Stock, report: RebuildReport, watch: Watcher) -> None:
    """Set aside what cannot be read; mark the images that are lost, so that the next run copies them."""
    layout = settings.layout
    for day in stock.damaged:
        key = layout.set_aside(layout.partition(day), report.run_id)
        stock.take(await world.manifest.set_aside(day, key))
        report.set_aside.append(layout.uri(key))
    if not settings.check_images:
        return
    for number, day in enumerate(sorted(stock.days)):
        watch(Progress(done=number, planned=len(stock.days), stage="looking for images"))
        partition = await world.manifest.load(day)
        lost = await lost_images(world.store, layout, partition)
        if lost:
            stock.take(await world.manifest.amend(day, as_failed(lost, world.clock.now())))
            report.lost_images += [Failure(*key, found.reason) for key, found in sorted(lost.items())]


async def _coverage(world: World, asked: Probe, stock: _Stock, report: RebuildReport, watch: Watcher) -> Coverage:
    """What the counts prove, on the axis of this source's walk."""
    watch(Progress(stage="comparing counts"))
    counts = SourceCounts(source=world.source, abilities=asked.abilities, claims=report.claims)
    end = asked.page.source_time - MAX_LATENCY
    if not asked.abilities.counts_by_date:
        report.claims.append("The source's counts do not honour dates: only its grand total could be compared.")
        # What was requested before `newest - MAX_LATENCY` had completed when the newest output was read.
        ends = [end, stock.newest - MAX_LATENCY] if stock.newest > BEGINNING + MAX_LATENCY else [end]
        proven = await by_total(counts, stock.days, [one for one in ends if one <= end], _live_in(world))
    else:
        stretches = await by_date(counts, stock.days, end, _live_in(world))
        report.gaps = [cell for cell in stretches if not cell.agrees]
        proven = Coverage.of(cell.window for cell in stretches if cell.agrees)
        report.proof = _proof(stretches, report.gaps, world.clock.now())
    return proven.on(asked.abilities.axis, Axis.REQUESTED)


def _live_in(world: World) -> LiveCount:
    async def live(day: date, window: Window) -> int:
        return (await world.manifest.load(day)).live_count(window)

    return live


def _proof(stretches: list[Counted], gaps: list[Counted], now: datetime) -> Proof | None:
    """Of the whole; none where differences happen to cancel out."""
    source, manifest = sum(cell.source for cell in stretches), sum(cell.manifest for cell in stretches)
    if gaps and source == manifest:
        return None
    return Proof(BEGINNING, stretches[-1].window.end, source, manifest, now)


async def _closed(world: World, layout: Layout, report: RebuildReport) -> RebuildReport:
    report.finished_at = world.clock.now()
    report.source_requests, report.store_requests = world.source.requests, world.store.requests
    await world.store.put(
        layout.run_report(report.started_at, report.run_id),
        json.dumps(report.to_document(), sort_keys=True, indent=1).encode() + b"\n",
        content_type="application/json",
    )
    return report
