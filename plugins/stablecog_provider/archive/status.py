"""The state of an archive: its checkpoint and the last runs' reports, read from the bucket alone (the source is not asked)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from ..errors import ConfigurationError
from ..model.checkpoint import Checkpoint
from ..model.object_keys import Layout, day_of
from ..model.partition_summary import PartitionSummary
from ..model.times import BEGINNING
from ..model.verdict import Outcome, is_whole, outcome_of, worst
from ..model.verification import is_believed
from .committing.intent import intended_days
from .committing.inventory import expected_days
from .committing.moves import arrived, place_of
from .last_runs import RUN, last_runs, starts_of
from .naming.ports import Registers
from .naming.reading import known_models
from .ports import ObjectStore
from .reports.last_run import LastRun
from .reports.limits import Limits, allowed_age, broken_limits, schedule_of
from .reports.status import ArchiveStatus, Month

__all__ = ["ArchiveStatus", "LastRun", "Limits", "status"]

NO_LIMITS = Limits()
MAX_REASONS = 10
"""Reasons that are named, of all images that are not stored."""


async def status(
    store: ObjectStore,
    layout: Layout,
    now: datetime | None = None,
    limits: Limits = NO_LIMITS,
    registers: Registers | None = None,
) -> ArchiveStatus:
    """The state of the archive in `layout`. `now`: None for this machine's clock; all ages count from it. `limits`: what a
    monitor does not accept. `registers`: the source of model names; None leaves the names out.

    Raises ConfigurationError if there is no archive, ArchiveDamaged if its checkpoint cannot be read.
    """
    _, found = await inspect(store, layout, now, limits)
    return found if registers is None else replace(found, models=await known_models(registers))


async def inspect(
    store: ObjectStore, layout: Layout, now: datetime | None = None, limits: Limits = NO_LIMITS
) -> tuple[Checkpoint, ArchiveStatus]:
    """The checkpoint that `status` reports on, too, for those who show more of it. Raises as `status`."""
    stored = await store.get(layout.checkpoint)
    if stored is None:
        raise ConfigurationError(
            f"there is no archive at {layout} (no checkpoint.json)",
            hint="check the address; the first `stablecog-archive run` creates an archive",
        )
    found = Checkpoint.from_json(stored.body, address=layout.uri(layout.checkpoint))
    checkpoint = arrived(found, place_of(store, layout))
    (missing, changed), runs = await asyncio.gather(_partitions(store, layout, checkpoint), last_runs(store, layout))
    now = now or datetime.now(UTC)
    schedule = schedule_of(starts_of(runs))
    outcome = _outcome(checkpoint, missing, changed)
    late = _is_out_of_date(checkpoint, allowed_age(limits, schedule), now)
    return checkpoint, ArchiveStatus(
        archive=str(layout),
        source=checkpoint.source,
        axis=checkpoint.axis,
        outcome=worst(outcome, Outcome.OUT_OF_DATE) if late else outcome,
        is_out_of_date=late,
        schedule=schedule,
        broken=broken_limits(checkpoint, limits, now),
        freshness=checkpoint.coverage.windows[-1].end if checkpoint.coverage else None,
        at=now,
        whole=is_whole(checkpoint),
        coverage=checkpoint.coverage,
        live=checkpoint.live,
        days=len(checkpoint.live_days),
        images=checkpoint.images,
        bytes=sum(each.bytes for each in checkpoint.partitions.values()),
        pending_retries=checkpoint.due,
        proof=checkpoint.proof,
        differences=checkpoint.differences,
        holes=checkpoint.holes,
        reread=checkpoint.reread,
        unchecked=len(checkpoint.unchecked),
        verification=checkpoint.verification(now),
        refresh=checkpoint.refresh(now),
        sweep=checkpoint.sweep,
        consents=checkpoint.consents,
        saved_at=checkpoint.saved_at,
        last_run=next((run for run in runs if run.kind == RUN), None),
        runs=runs,
        reasons=_reasons(checkpoint),
        months=_months(checkpoint),
        missing=tuple(layout.uri(layout.partition(day)) for day in missing),
        changed=changed,
        damage=checkpoint.damage,
        forgetting=checkpoint.forgetting,
    )


def _is_out_of_date(checkpoint: Checkpoint, allowed: timedelta | None, now: datetime) -> bool:
    """Whether the last comparison is older than the schedule of the runs, or the limit, allows. A comparison by a clock
    that was ahead has no known age, and counts as too old.
    """
    if allowed is None or checkpoint.proof is None:
        return False
    return now - checkpoint.proof.checked_at > allowed or not is_believed(checkpoint.proof.checked_at, now)


def _reasons(checkpoint: Checkpoint) -> dict[str, int]:
    """Images that are not stored, by state and reason, the most frequent first."""
    counts: Counter[str] = Counter()
    for each in checkpoint.partitions.values():
        for reason in each.reasons:
            counts[f"{reason.state}: {reason.text}"] += reason.images
    return dict(counts.most_common(MAX_REASONS))


def _months(checkpoint: Checkpoint) -> dict[str, Month]:
    """What was made in each month, by the days of the manifest, rising."""
    months: dict[str, Month] = {}
    for day, each in sorted(checkpoint.partitions.items()):
        if day > day_of(BEGINNING):
            before = months.get(f"{day:%Y-%m}", Month())
            months[f"{day:%Y-%m}"] = before.plus(each.live, each.images.archived, each.bytes)
    return months


def _outcome(checkpoint: Checkpoint, missing: list[date], changed: Mapping[date, datetime | None]) -> Outcome:
    """What the checkpoint claims, no better than what the last run concluded, and no wider than what is in the bucket."""
    concluded = Outcome(checkpoint.verdict.outcome) if checkpoint.verdict else Outcome.PROVEN
    # A verdict that something was left no longer holds once nothing is left; `not proven` holds until a run changes it.
    limit = Outcome.NOT_PROVEN if missing or concluded is Outcome.NOT_PROVEN else Outcome.PROVEN
    return worst(outcome_of(checkpoint), limit, Outcome.IN_PART if changed else Outcome.PROVEN)


async def _partitions(
    store: ObjectStore, layout: Layout, checkpoint: Checkpoint
) -> tuple[list[date], dict[date, datetime | None]]:
    """Return the days whose partition is missing, and those whose partition has another version than the checkpoint lists, each
    with the time its object was written.
    """
    listed = {
        day: item.version.strip('"')
        async for item in store.list(layout.manifest)
        if (day := layout.parse_partition(item.key)) is not None
    }
    expected, intended = expected_days(checkpoint), intended_days(checkpoint)
    missing, changed = list[date](), dict[date, datetime | None]()
    for day in sorted(intended.union(listed, expected)):
        summary = checkpoint.partitions.get(day, PartitionSummary())
        if day in listed and day not in intended and summary.is_version(listed[day]):
            continue
        # Some stores list a new object only after a delay, and some gateways spell versions differently in listings.
        item = await store.head(layout.partition(day))
        if item is None and day in expected:
            missing.append(day)
        elif item is not None and item.version.strip('"') != summary.version:
            changed[day] = item.modified
    return missing, changed
