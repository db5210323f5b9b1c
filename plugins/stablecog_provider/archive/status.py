"""The state of an archive: its checkpoint and its last run's report, read from the bucket alone (the source is not asked)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

from ..errors import ConfigurationError
from ..model.checkpoint import Checkpoint
from ..model.object_keys import Layout
from ..model.partition_summary import PartitionSummary
from ..model.verdict import Outcome, is_whole, outcome_of, worst
from .committing.intent import intended_days
from .committing.inventory import expected_days
from .committing.moves import arrived, place_of
from .ports import ObjectStore
from .reports.status import ArchiveStatus, LastRun

__all__ = ["ArchiveStatus", "LastRun", "status"]


async def status(store: ObjectStore, layout: Layout, now: datetime | None = None) -> ArchiveStatus:
    """The state of the archive in `layout`. `now`: None for this machine's clock; the ages of verifications count from it.

    Raises ConfigurationError if there is no archive, ArchiveDamaged if its checkpoint cannot be read.
    """
    stored = await store.get(layout.checkpoint)
    if stored is None:
        raise ConfigurationError(
            f"there is no archive at {layout} (no checkpoint.json)",
            hint="check the address; the first `stablecog-archive run` creates an archive",
        )
    checkpoint = arrived(Checkpoint.from_json(stored.body), place_of(store, layout))
    missing, changed = await _partitions(store, layout, checkpoint)
    return ArchiveStatus(
        archive=str(layout),
        source=checkpoint.source,
        axis=checkpoint.axis,
        outcome=_outcome(checkpoint, missing, changed),
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
        verification=checkpoint.verification(now or datetime.now(UTC)),
        sweep=checkpoint.sweep,
        consents=checkpoint.consents,
        saved_at=checkpoint.saved_at,
        last_run=await _last_run(store, layout, checkpoint.run_id),
        missing=tuple(layout.uri(layout.partition(day)) for day in missing),
        changed=tuple(changed),
        forgetting=checkpoint.forgetting,
    )


def _outcome(checkpoint: Checkpoint, missing: list[date], changed: list[date]) -> Outcome:
    """What the checkpoint claims, no better than what the last run concluded, and no wider than what is in the bucket."""
    concluded = Outcome(checkpoint.verdict.outcome) if checkpoint.verdict else Outcome.PROVEN
    # A verdict that something was left no longer holds once nothing is left; `not proven` holds until a run changes it.
    limit = Outcome.NOT_PROVEN if missing or concluded is Outcome.NOT_PROVEN else Outcome.PROVEN
    return worst(outcome_of(checkpoint), limit, Outcome.IN_PART if changed else Outcome.PROVEN)


async def _partitions(store: ObjectStore, layout: Layout, checkpoint: Checkpoint) -> tuple[list[date], list[date]]:
    """Return the days whose partition is missing, and those whose partition has another version than the checkpoint lists."""
    listed = {
        day: item.version.strip('"')
        async for item in store.list(layout.manifest)
        if (day := layout.parse_partition(item.key)) is not None
    }
    expected, intended = expected_days(checkpoint), intended_days(checkpoint)
    missing, changed = [], []
    for day in sorted(intended.union(listed, expected)):
        summary = checkpoint.partitions.get(day, PartitionSummary())
        if day in listed and day not in intended and summary.is_version(listed[day]):
            continue
        # Some stores list a new object only after a delay, and some gateways spell versions differently in listings.
        item = await store.head(layout.partition(day))
        if item is None and day in expected:
            missing.append(day)
        elif item is not None and item.version.strip('"') != summary.version:
            changed.append(day)
    return missing, changed


async def _last_run(store: ObjectStore, layout: Layout, run_id: str) -> LastRun | None:
    """That of the run that saved last; if it left none, the newest."""
    # Keys begin with the start of the run, so the greatest is the newest, by the clocks of those who ran.
    keys = sorted([listed.key async for listed in store.list(layout.runs) if layout.is_run_report(listed.key)])
    own = [key for key in keys if key.endswith(f"-{run_id}.json")]
    try:
        stored = await store.get((own or keys)[-1]) if keys else None
        document = json.loads(stored.body) if stored else None
    except (ValueError, ConfigurationError):
        # A report only adds to what the checkpoint says. It may be in an archive storage class by now.
        document = None
    if not isinstance(document, dict):
        return None
    explanation = document.get("explanation")
    return LastRun(
        run_id=str(document.get("run_id", "")),
        started_at=str(document.get("started_at") or ""),
        finished_at=str(document.get("finished_at") or ""),
        outcome=str(document.get("outcome", "")),
        explanation=tuple(map(str, explanation)) if isinstance(explanation, list) else (),
    )
