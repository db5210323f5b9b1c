"""The report of `refresh`: for machines, and in sentences for people."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from ...model.changes import PartitionChange, changes_document
from ...model.checkpoint import Sweep
from ...model.counts import Difference, Proof
from ...model.coverage import Coverage
from ...model.documents import document_of
from ...model.failure import Failure
from ...model.partition_summary import ImageCounts
from ...model.refreshed import RefreshCoverage
from ...model.verdict import Outcome
from .run import proof_document
from .wording import (
    MAX_SUMMARY,
    SHOWN,
    at,
    counted,
    difference_in_words,
    newest_days,
    refresh_in_words,
    reread_in_words,
    shortened,
    size,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshReport:
    """What one refresh read, changed and proved.

    `outcome`: the verdict on the whole archive. `slices`: stretches that were read again. `spent`: whether the budget ended it.
    `read` to `failures`: as in a run's report; `new`: outputs that the source lists and the manifest lacked. `coverage`: how
    recently the source's listing was read for what is covered. `reread`: periods that the next run reads again.
    `changed_days`: as in a run's report.
    """

    run_id: str
    archive: str
    source: str
    started_at: datetime
    finished_at: datetime
    outcome: Outcome = Outcome.NOT_PROVEN
    budget: str | None = None
    spent: bool = False
    slices: int = 0
    read: int = 0
    new: int = 0
    copied: int = 0
    bytes: int = 0
    refreshed: int = 0
    failed: int = 0
    gone: int = 0
    tombstoned: int = 0
    failures: tuple[Failure, ...] = ()
    changed_days: tuple[date, ...] = ()
    images: ImageCounts = ImageCounts()
    coverage: RefreshCoverage = field(default_factory=RefreshCoverage)
    sweep: Sweep = Sweep()
    proof: Proof | None = None
    differences: tuple[Difference, ...] = ()
    reread: Coverage = Coverage()
    source_requests: int = 0
    store_requests: int = 0
    partitions: tuple[PartitionChange, ...] = ()
    claims: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 done and proven, 3 done with something left."""
        return self.outcome.exit_code

    @property
    def seconds(self) -> float:
        return round((self.finished_at - self.started_at).total_seconds(), 3)

    def explain(self) -> list[str]:
        """What was read and found, what is safe, and what is left, in plain sentences."""
        lines = [
            f"{counted(self.read, 'output was', 'outputs were')} read, repeats included, in "
            f"{counted(self.source_requests, 'request')} to the source."
        ]
        if self.spent:
            lines.append(
                "The budget ended the refresh before everything was read. The next one goes on with what was read longest ago."
            )
        lines.append(
            f"{counted(self.new, 'output was', 'outputs were')} missing in the manifest and "
            f"{'is' if self.new == 1 else 'are'} archived now. {counted(self.refreshed, 'row')} changed at the source. "
            f"{counted(self.tombstoned, 'output was', 'outputs were')} deleted at the source: marked, images kept. Copied "
            f"{counted(self.copied, 'image')} ({size(self.bytes)})."
        )
        if self.failed:
            lines.append(f"{counted(self.failed, 'image')} failed; later runs retry them:")
            lines += [f"  {each.output_id} ({each.rendition}): {each.reason}" for each in self.failures[:SHOWN]]
        lines += refresh_in_words(self.coverage, self.sweep)
        return [*lines, *self._proof_in_words(), *reread_in_words(self.reread), *self.notes]

    def _proof_in_words(self) -> list[str]:
        if self.proof is None:
            return ["Nothing was compared with the source's counts.", *self.claims]
        begin = "Outputs were compared by count" if not self.differences and self.proof.agrees else "NOT proven"
        numbers = (
            f"{begin} at {at(self.proof.checked_at)}: the source counts {self.proof.source:,} outputs, the manifest holds "
            f"{self.proof.manifest:,}."
        )
        return [numbers, *self.claims, *(f"  {difference_in_words(each)}." for each in self.differences[:SHOWN])]

    def summary(self) -> dict[str, Any]:
        """The short report for XCom and the asset event: counts and sentences, never rows."""
        left_out = {"failures", "sweep", "differences", "reread", "claims", "notes", "explanation"}
        summary = {name: value for name, value in self.to_document().items() if name not in left_out}
        summary |= {"changed_days": newest_days(self.changed_days), "changed_day_count": len(self.changed_days)}
        return summary | {"explanation": shortened(self.explain(), MAX_SUMMARY - len(json.dumps(summary)))}

    def to_document(self) -> dict[str, Any]:
        """The whole report, as it is kept under `runs/` and printed by `--json`."""
        document: dict[str, Any] = document_of(self)
        return document | {
            "kind": "refresh",
            "seconds": self.seconds,
            "proof": proof_document(self.proof),
            "partitions": changes_document(self.partitions),
            "explanation": self.explain(),
        }
