"""The report of a publish: for machines, and in sentences for people."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from ...model.documents import document_of
from .wording import MAX_SUMMARY, SHOWN, counted, shortened


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishReport:
    """What one publish wrote.

    `days`: partitions that were written, with `rows` rows, in `commits` commits. `total`: number of partitions of the archive.
    `missing`: days that the table has, and the archive has not. `forgotten`: number of forgotten outputs in the written days.
    `expired_snapshots`, `deleted_files`: what was removed of earlier snapshots; `kept_snapshots`: those
    that a tag or a branch keeps.
    """

    archive: str
    table: str
    started_at: datetime
    finished_at: datetime
    days: tuple[date, ...] = ()
    rows: int = 0
    commits: int = 0
    total: int = 0
    missing: tuple[date, ...] = ()
    forgotten: int = 0
    expired_snapshots: int = 0
    deleted_files: int = 0
    kept_snapshots: int = 0
    store_requests: int = 0

    @property
    def outcome(self) -> str:
        return "published" if self.days else "up to date"

    @property
    def exit_code(self) -> int:
        """3 if forgotten rows are still in an earlier snapshot, or if the archive lacks days that the table has."""
        return 3 if self.kept_snapshots or self.missing else 0

    def explain(self) -> list[str]:
        """What was written, what was removed, and what is left to do, in plain sentences."""
        if self.days:
            span = f"{self.days[0]} to {self.days[-1]}" if len(self.days) > 1 else f"{self.days[0]}"
            what = f"{counted(len(self.days), 'day')} of {self.total:,} ({span}) with {counted(self.rows, 'row')}"
            lines = [f"Published {what} to {self.table}, in {counted(self.commits, 'commit')}."]
        else:
            lines = [f"{self.table} already has all {counted(self.total, 'day')} of {self.archive}."]
        if self.expired_snapshots or self.deleted_files:
            lines.append(
                f"Outputs were forgotten: {counted(self.expired_snapshots, 'earlier snapshot')} and "
                f"{counted(self.deleted_files, 'file')} were deleted. Still to do: if the table's bucket keeps versions, delete "
                "those of its files, and remove orphan files of publishes that were killed."
            )
        if self.kept_snapshots:
            lines.append(
                f"{counted(self.kept_snapshots, 'earlier snapshot')} with forgotten rows cannot be deleted, because a tag or a "
                "branch keeps them. Drop it, and publish again."
            )
        if self.missing:
            shown = ", ".join(map(str, self.missing[:SHOWN]))
            lines.append(
                f"The archive has no partition for {counted(len(self.missing), 'day')} that the table has: {shown}. Their rows "
                "stay in the table."
            )
        return lines

    def summary(self) -> dict[str, Any]:
        """The short report for XCom and the asset event: counts and sentences."""
        document = self.to_document() | {"days": len(self.days), "missing": len(self.missing), "explanation": []}
        return document | {"explanation": shortened(self.explain(), MAX_SUMMARY - len(json.dumps(document)))}

    def to_document(self) -> dict[str, Any]:
        """For machines."""
        own = {each.name: document_of(getattr(self, each.name)) for each in fields(self)}
        return own | {"kind": "publish", "outcome": self.outcome, "explanation": self.explain()}
