"""The answer of `changes`: for a follower as JSON, and in sentences for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...model.changes import ChangeRecord, PartitionChange, by_day
from .wording import counted


def cursor_text(number: int) -> str:
    """A number of the log as `--since` takes it."""
    return f"@{number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesReport:
    """`records`: in the order of the log. `next`: where to go on from. `is_complete`: no record is missing since the point that
    was asked for; otherwise, only reading the whole manifest brings a follower up to date. `has_more`: ask again at once.
    """

    archive: str
    since: str
    records: tuple[ChangeRecord, ...]
    next: str
    is_complete: bool
    has_more: bool

    @property
    def exit_code(self) -> int:
        """0 if a follower can go on, 3 if it must read the whole manifest."""
        return 0 if self.is_complete else 3

    @property
    def partitions(self) -> tuple[PartitionChange, ...]:
        """What changed, one line per day."""
        return by_day(change for record in self.records for change in record.partitions)

    def explain(self) -> list[str]:
        """What changed, and how to go on."""
        lines = [f"{counted(len(self.partitions), 'partition was', 'partitions were')} changed since {self.since}."]
        if not self.is_complete:
            lines.append("Records are missing from the log: read the whole manifest, then go on from the cursor below.")
        more = ", and there are more" if self.has_more else ""
        return [*lines, f"Go on with --since {self.next}{more}."]

    def to_document(self) -> dict[str, Any]:
        return {
            "archive": self.archive,
            "since": self.since,
            "next": self.next,
            "complete": self.is_complete,
            "more": self.has_more,
            "changes": [record.to_document() for record in self.records],
            "explanation": self.explain(),
        }
