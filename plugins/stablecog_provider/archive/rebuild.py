"""Recreate the checkpoint from what cannot be lost with it: the manifest, and the source's counts.

Every partition is read, one at a time. What the source counts as the manifest does is covered; what it counts otherwise stays a
gap that the next run reads. So coverage is never restarted from nothing, and never claims more than a count has proven. What was
damaged is kept under `damaged/`; nothing is deleted.

The edge: a count proves a stretch only once nothing can complete in it any more, so the new coverage ends 300 s before now, or at
the first output that the manifest lacks.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date

from ..errors import ArchiveDamaged, ConfigurationError
from ..model.checkpoint import Checkpoint
from ..model.damage import readable
from ..model.object_keys import Layout
from . import recording
from .committing.change_log import number_after_loss
from .committing.checkpoint_file import CheckpointFile
from .committing.consent import consented
from .committing.intent import announced, concluded, still_forgetting
from .committing.inventory import distrusted, marked
from .committing.moves import arrived, place_of, rewritten
from .fixity.lost_images import Announce, ImagesLookedAt, look_for_images
from .forgetting.records import forget_again, recorded
from .listing.account_check import Archived, check_account, emptied
from .listing.capabilities import Probe, probe
from .ports import Partition, Ports, Progress, ProgressListener
from .proving.recount import Counted, recount
from .rebuilding import Partitions, read_partitions
from .recording import Recorder
from .reports.rebuild import RebuildReport
from .reports.wording import counted


# Without slots, so that a default can be read as a class attribute, as of ArchiveSettings.
@dataclass(frozen=True)
class RebuildSettings:
    """What one rebuild does.

    - `layout`: the bucket and the prefix of the archive.
    - `set_aside_damaged`: move unreadable partitions to `damaged/`; the next run reads their days again.
    - `check_images`: check that every stored image is in the bucket with its recorded size.
    - `allow_account_mismatch`: continue even if the source does not look like the archived account.
    - `allow_deletions`: let the next runs mark up to this many outputs as deleted, even if that is more than half of the archive.
    """

    layout: Layout
    set_aside_damaged: bool = False
    check_images: bool = False
    allow_account_mismatch: bool = False
    allow_deletions: int = 0


async def rebuild(
    ports: Ports, settings: RebuildSettings, on_progress: ProgressListener | None = None
) -> RebuildReport:
    """Rebuild the checkpoint. Raises ArchiveError; until the last write, the old one stays in place."""
    started, run_id = ports.clock.now(), uuid.uuid4().hex[:12]
    async with recording.recorded(
        Recorder(ports.store, settings.layout, ports.clock, "rebuild", run_id, started)
    ) as recorder:
        return await _rebuild(ports, settings, on_progress, recorder)


async def _rebuild(
    ports: Ports, settings: RebuildSettings, on_progress: ProgressListener | None, recorder: Recorder
) -> RebuildReport:
    layout, run_id, started = settings.layout, recorder.run_id, recorder.started
    notify: ProgressListener = on_progress or (lambda _: None)
    file = CheckpointFile(ports.store, layout, ports.sleep, run_id=run_id)
    unreadable = await file.salvage()
    was = f"damaged ({unreadable.message})" if unreadable else "whole" if file.current else "missing"
    asked = await probe(ports.source)
    partitions = await read_partitions(ports, layout, file.current, notify)
    missing = (
        sorted({*file.current.partitions} - {*partitions.summaries} - {*partitions.damaged}) if file.current else []
    )
    await _check_preconditions(ports, settings, file, asked, partitions, was)
    not_ended = await recorder.begin()
    announce = _announcing(file, run_id, ports)
    set_aside = await _set_aside(ports, settings, partitions, run_id, announce)
    records = await recorded(ports.store, layout)
    # Without a checkpoint, nobody knows whether the last forgets have come to their end.
    still_there = {*records} if file.current is None else set[date]()
    partitions.forgotten = await forget_again(
        ports.manifest, records, run_id, _announcing(file, run_id, ports, still=True)
    )
    partitions.summaries |= partitions.forgotten
    images = ImagesLookedAt()
    if settings.check_images:
        images = await look_for_images(ports, layout, partitions.summaries, run_id, announce, notify)
        partitions.summaries |= images.summaries
    notify(Progress(stage="comparing counts"))
    counted = await recount(ports, asked, partitions.live, partitions.newest)
    rebuilt = _checkpoint(ports, settings, file.current, asked, partitions, counted, run_id, still_there)
    if file.current is None:
        number = await number_after_loss(ports.store, layout, rebuilt.saved_at or started)
        rebuilt = replace(rebuilt, changes_recorded=number)
    aside = layout.set_aside(layout.checkpoint, run_id)
    await file.replace(rebuilt, aside)
    set_aside = (*set_aside, *([layout.uri(aside)] if unreadable else []))
    report = RebuildReport(
        run_id=run_id,
        archive=str(layout),
        source=ports.source.address,
        started_at=started,
        finished_at=ports.clock.now(),
        axis=asked.capabilities.axis,
        checkpoint_was=was,
        coverage=counted.coverage,
        live=rebuilt.live,
        missing=tuple(missing),
        set_aside=set_aside,
        set_aside_before=await _set_aside_before(ports, layout, set_aside),
        gaps=counted.gaps,
        images_checked=images.checked,
        images_found=images.found,
        lost_images=images.lost,
        lost_before=rebuilt.images.lost if images.checked is None else 0,
        differences=len(rebuilt.differences),
        reread=rebuilt.reread,
        unchecked=len(rebuilt.unchecked),
        proof=counted.proof,
        claims=counted.claims,
        notes=not_ended,
        source_requests=ports.source.requests,
        store_requests=ports.store.requests,
        partitions=file.changes.summary(),
    )
    await recorder.write(report.to_document())
    return report


def _checkpoint(
    ports: Ports,
    settings: RebuildSettings,
    before: Checkpoint | None,
    asked: Probe,
    partitions: Partitions,
    counted: Counted,
    run_id: str,
    still_there: Collection[date],
) -> Checkpoint:
    """The new checkpoint; what the old one knew beyond the manifest is kept if it could be read."""
    axis, now = asked.capabilities.axis, ports.clock.now()
    place = place_of(ports.store, settings.layout)
    known = (before or Checkpoint(source=ports.source.address, axis=axis)).on(axis)
    changed = _changed(before, partitions)
    known = marked(concluded(distrusted(known) if changed else known, run_id), changed)
    known = rewritten(arrived(replace(known, partitions=partitions.summaries), place), changed)
    if still_there := {*still_there, *partitions.forgotten}:
        known = still_forgetting(known, run_id, still_there, now)
    consents = {
        "deletions": settings.allow_deletions,
        "account": sum(partitions.live.values()) if settings.allow_account_mismatch else 0,
    }
    return replace(
        consented(known, consents, run_id, now),
        places=known.places or (place,),
        unchecked={} if settings.check_images else _unchecked(known, partitions, changed),
        source=ports.source.address,
        coverage=counted.coverage,
        proof=counted.proof,
        # What counts agree on has no hole. What was concluded before is not what was counted now. The differences stay: the next
        # run compares each of them alone.
        holes=(),
        settled=None,
        verdict=None,
        damage=readable(known.damage),
        run_id=run_id,
        saved_at=now,
    )


async def _check_preconditions(
    ports: Ports, settings: RebuildSettings, file: CheckpointFile, asked: Probe, partitions: Partitions, was: str
) -> None:
    """Raises if nothing may be written: nothing is there, what is there is damaged, or it is another account's."""
    if was == "missing" and not partitions.summaries and not partitions.damaged:
        async for listed in ports.store.list(settings.layout.images):
            if settings.layout.parse_image(listed.key):
                break
        else:
            raise ConfigurationError(
                f"there is no archive at {settings.layout}",
                hint="check the address; the first `stablecog-archive run` creates an archive",
            )
    if partitions.damaged and not settings.set_aside_damaged:
        named = "; ".join(error.message for error in list(partitions.damaged.values())[:5])
        raise ArchiveDamaged(
            f"{counted(len(partitions.damaged), 'partition')} cannot be read, and nothing was changed: {named}",
            hint="restore earlier versions of the objects, or pass --set-aside-damaged: they are moved to damaged/, their "
            "days become gaps, and the next run reads and copies those days again",
        )
    axis = asked.capabilities.axis
    before = file.current.on(axis) if file.current else Checkpoint(source=ports.source.address, axis=axis)
    lost = _changed(file.current, partitions)
    known = replace(marked(before, lost), partitions=partitions.summaries)
    allowed = max(settings.allow_deletions, before.deletions_allowed)
    if settings.allow_account_mismatch or (asked.capabilities.empty and allowed >= known.live):
        return
    if asked.capabilities.empty:
        raise emptied(ports.source, str(settings.layout), known.live)

    async def partition(day: date) -> Partition:
        return await ports.manifest.load(day, expected=day in partitions.summaries)

    archived = Archived(archive=str(settings.layout), checkpoint=known, partition=partition, lost=lost)
    await check_account(ports.source, asked, archived)


def _unchecked(known: Checkpoint, partitions: Partitions, changed: Collection[date]) -> dict[date, str]:
    """The days whose images nobody has looked for since they were moved, or since their partition was changed."""
    summaries = partitions.summaries
    found = {day: summaries[day].version for day in {*changed, *partitions.elsewhere} & {*summaries}}
    # A day whose partition is lost has no images to look for. If it stayed, each run would ask for the partition.
    return {day: mark for day, mark in {**known.unchecked, **found}.items() if day in summaries}


def _changed(before: Checkpoint | None, partitions: Partitions) -> set[date]:
    """The days whose partition is lost, unreadable or changed by something else: the archive cannot know what it held."""
    found = {day: each.version for day, each in partitions.summaries.items()}
    known = before.partitions if before else {}
    return {day for day, each in known.items() if found.get(day) != each.version} | {*partitions.damaged}


def _announcing(file: CheckpointFile, run_id: str, ports: Ports, *, still: bool = False) -> Announce:
    """A function that says in the checkpoint, if there is one, which partitions are about to be written; with `still`, also that
    images or earlier versions of forgotten outputs may be there.
    """

    async def announce(days: Iterable[date]) -> None:
        days, now = [*days], ports.clock.now()
        await file.amend_once(lambda found: announced(found, run_id, days, now))
        if still:
            await file.amend_once(lambda found: still_forgetting(found, run_id, days, now))

    return announce


async def _set_aside(
    ports: Ports, settings: RebuildSettings, partitions: Partitions, run_id: str, announce: Announce
) -> tuple[str, ...]:
    """Move the unreadable partitions out of the way; returns where they are kept."""
    places = []
    if partitions.damaged:
        await announce(partitions.damaged)
    for day in partitions.damaged:
        key = settings.layout.set_aside(settings.layout.partition(day), run_id)
        partitions.summaries[day] = (await ports.manifest.set_aside(day, key, run_id=run_id)).summary()
        places.append(settings.layout.uri(key))
    return tuple(places)


async def _set_aside_before(ports: Ports, layout: Layout, now: Collection[str]) -> tuple[str, ...]:
    """Where earlier rebuilds have moved objects to. One that was killed has left no report that says so."""
    found = [layout.uri(listed.key) async for listed in ports.store.list(layout.damaged)]
    return tuple(sorted({*found} - {*now}))
