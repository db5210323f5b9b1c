"""Which partitions were changed, in the one order that all readers see: the numbers of the change records, without gaps."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ..errors import ArchiveDamaged
from .documents import document_of
from .partition_summary import RowChanges
from .times import parse_rfc3339

VERSION = 1


@dataclass(frozen=True, slots=True)
class PartitionChange:
    """A partition that was written. `version`: what the writer left; empty if the partition is gone. `rows`: what the writer did;
    None if it left no word, because it was killed or is another program.
    """

    day: date
    version: str
    rows: RowChanges | None = None

    def to_document(self) -> dict[str, Any]:
        rows = self.rows
        return {
            "day": str(self.day),
            "version": self.version,
            "added": rows and rows.added,
            "changed": rows and rows.changed,
            "marked_deleted": rows and rows.marked_deleted,
        }


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """What one commit changed. `number`: its place in the order. `at`: when, by the writer's clock; None if it is unknown."""

    number: int
    run_id: str
    at: datetime | None
    partitions: tuple[PartitionChange, ...]

    def to_document(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "number": self.number,
            "run_id": self.run_id,
            "at": document_of(self.at),
            "partitions": [each.to_document() for each in self.partitions],
        }

    def to_json(self) -> bytes:
        return json.dumps(self.to_document(), sort_keys=True, separators=(",", ":")).encode() + b"\n"


def parse_record(body: bytes, name: str) -> ChangeRecord:
    """Read a change record; errors call it `name`. Raises ArchiveDamaged."""
    try:
        document = json.loads(body)
        return ChangeRecord(
            number=int(document["number"]),
            run_id=str(document["run_id"]),
            at=document["at"] and parse_rfc3339(document["at"]),
            partitions=tuple(_partition(each) for each in document["partitions"]),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ArchiveDamaged(
            f"{name} is no change record ({type(error).__name__})",
            hint="restore the object, or read the whole manifest and follow from the number after it",
        ) from None


def _partition(document: Any) -> PartitionChange:
    counts = [document.get(name) for name in ("added", "changed", "marked_deleted")]
    rows = None if None in counts else RowChanges(*map(int, counts))
    return PartitionChange(date.fromisoformat(document["day"]), str(document["version"]), rows)


def changes_document(changes: Iterable[PartitionChange]) -> list[dict[str, Any]]:
    """The changes as they are in a report."""
    return [each.to_document() for each in changes]


def by_day(changes: Iterable[PartitionChange]) -> tuple[PartitionChange, ...]:
    """One change per day: the last version, and the sums of the rows. The sum is unknown if a part of it is."""
    found: dict[date, PartitionChange] = {}
    for each in changes:
        before = found.get(each.day)
        rows = each.rows if before is None else before.rows + each.rows if before.rows and each.rows else None
        found[each.day] = PartitionChange(each.day, each.version, rows)
    return tuple(found[day] for day in sorted(found))
