"""Reads an archive from its bucket, without the archive's own use cases, and finds what is wrong with it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from stablecog_provider.archive.committing.intent import intended_days
from stablecog_provider.archive.ports import ObjectStore
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.coverage import Axis
from stablecog_provider.model.manifest import Row, RowKey, State
from stablecog_provider.model.object_keys import Layout, Rendition
from stablecog_provider.model.row_lifecycle import is_live, needs_copy

from ..rig.tally import Tally

_SAME = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Seen:
    """Contents of an archive at one moment. `rows`: all rows of all partitions, including duplicates."""

    layout: Layout
    checkpoint: Checkpoint | None
    rows: list[Row]
    sizes: Mapping[str, int]

    @property
    def by_key(self) -> dict[RowKey, Row]:
        return {row.key: row for row in self.rows}

    @property
    def images(self) -> set[str]:
        return {key for key in self.sizes if self.layout.parse_image(key)}

    @property
    def litter(self) -> set[str]:
        """Probe objects that a kill left behind."""
        return {key for key in self.sizes if key.startswith(self.layout.key(".probe-"))}


async def look(store: ObjectStore, layout: Layout) -> Seen:
    """Read an archive. The checkpoint comes first: what it claims must be in what is read after it."""
    stored = await store.get(layout.checkpoint)
    sizes = {item.key: item.size async for item in store.list(layout.key(""))}
    rows: list[Row] = []
    for key in sorted(sizes):
        day = layout.parse_partition(key)
        found = await store.get(key) if day else None
        if day and found:
            rows += [Row(**record) for record in pq.ParquetFile(pa.BufferReader(found.body)).read().to_pylist()]
    return Seen(layout, Checkpoint.from_json(stored.body) if stored else None, rows, sizes)


@dataclass(slots=True)
class Verdict:
    """Problems, one sentence each, by the columns of the closing table."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    corrupt: list[str] = field(default_factory=list)

    def add(self, tally: Tally, case: str) -> None:
        tally.lost += len(self.lost)
        tally.doubled += len(self.doubled)
        tally.corrupt += len(self.corrupt)
        found = [*self.lost, *self.doubled, *self.corrupt]
        if found:
            more = f" and {len(found) - 3} more" if found[3:] else ""
            tally.faults.append(f"{case}: {'; '.join(found[:3])}{more}")


def judge_claims(seen: Seen, truth: Seen) -> Verdict:
    """Check what must hold at every moment, also right after a kill.

    Covered outputs have rows, no row exists twice, and the object of each archived row is in the bucket.
    """
    verdict, rows = Verdict(), seen.by_key
    for row in truth.rows:
        if row.rendition == Rendition.ORIGINAL and row.key not in rows and _claimed(seen.checkpoint, row):
            verdict.lost.append(f"{row.output_id} is covered but has no row")
    verdict.doubled += [
        f"{key} has {count} rows" for key, count in Counter(row.key for row in seen.rows).items() if count > 1
    ]
    for row in seen.rows:
        if row.state == State.ARCHIVED and seen.sizes.get(_object_of(row, seen.layout)) != row.bytes:
            verdict.lost.append(f"{row.key} is archived, but its object is missing or has another size")
    return verdict


async def judge_end(
    seen: Seen, truth: Seen, store: ObjectStore, *, moving: bool = False, killed: bool = False
) -> Verdict:
    """Check what must hold after a complete run: the same rows, bytes and claims as in the undisturbed archive `truth`.

    `moving`: the account changed during the runs. Outputs that are deleted in `truth` may be missing, or be there in addition.
    `killed`: a run was killed, and none has followed: the checkpoint claims nothing of the partitions that it was about to write.
    """
    verdict, rows, expected = judge_claims(seen, truth), seen.by_key, truth.by_key
    for key, right in expected.items():
        row = rows.get(key)
        if row is None:
            if not (moving and right.deleted_at):
                verdict.lost.append(f"{key} has no row")
        elif _lasting(row, moving) != _lasting(right, moving):
            verdict.corrupt.append(f"{key} differs from the undisturbed archive: {_difference(row, right)}")
    for key in rows.keys() - expected.keys():
        if not (moving and rows[key].deleted_at):
            verdict.doubled.append(f"{key} is not an output of the account")
    verdict.corrupt += await _damaged(seen, store)
    orphans = seen.images - {_object_of(row, seen.layout) for row in seen.rows}
    verdict.doubled += [f"{key} belongs to no row" for key in sorted(orphans)]
    _judge_checkpoint(seen, truth, verdict, killed)
    return verdict


def _judge_checkpoint(seen: Seen, truth: Seen, verdict: Verdict, killed: bool) -> None:
    found, right = seen.checkpoint, truth.checkpoint
    if found is None or right is None:
        verdict.lost.append("the checkpoint is missing")
        return
    if right.coverage.subtract(found.coverage):
        verdict.lost.append(f"coverage lacks {right.coverage.subtract(found.coverage).windows}")
    open_days = intended_days(found) if killed else set()
    live = Counter(
        row.created_at.date() for row in seen.rows if is_live(row) and row.created_at.date() not in open_days
    )
    counted = {day: each.live for day, each in found.partitions.items() if each.live and day not in open_days}
    if counted != dict(live):
        verdict.corrupt.append(f"the checkpoint counts {counted}, the manifest holds {dict(live)}")
    if found.due and not any(needs_copy(row) for row in seen.rows):
        verdict.corrupt.append(f"the checkpoint has pending retries of {sorted(found.due)}, but every image is stored")


async def _damaged(seen: Seen, store: ObjectStore) -> list[str]:
    """Return archived rows whose object has other bytes."""
    found = []
    for row in seen.rows:
        if row.state == State.ARCHIVED:
            stored = await store.get(_object_of(row, seen.layout))
            if stored is None or hashlib.sha256(stored.body).hexdigest() != row.sha256:
                found.append(f"{row.key}: the object does not match the checksum of its row")
    return found


def _claimed(checkpoint: Checkpoint | None, row: Row) -> bool:
    if checkpoint is None:
        return False
    instant = row.output_created_at if checkpoint.axis is Axis.COMPLETED else row.created_at
    return instant is not None and instant in checkpoint.coverage


def _object_of(row: Row, layout: Layout) -> str:
    return (row.uri or "").removeprefix(f"s3://{layout.bucket}/")


def _lasting(row: Row, moving: bool) -> Row:
    """Return the row without the values that depend on the time, the run and the place of the archive."""
    row = replace(
        row,
        uri=None,
        run_id="",
        attempts=0,
        first_seen_at=_SAME,
        last_seen_at=_SAME,
        archived_at=row.archived_at and _SAME,
        attempted_at=row.attempted_at and _SAME,
        deleted_at=row.deleted_at and _SAME,
    )
    return replace(row, raw="", gallery_status=None, output_updated_at=None, is_favorited=None) if moving else row


def _difference(row: Row, right: Row) -> str:
    one, other = _lasting(row, False), _lasting(right, False)
    names = [name for name in Row.__slots__ if getattr(one, name) != getattr(other, name)]
    return ", ".join(f"{name} {getattr(one, name)!r:.80} instead of {getattr(other, name)!r:.80}" for name in names[:3])
