"""The report of a verify: for machines, and in sentences for people."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ...model.changes import PartitionChange, changes_document
from ...model.documents import document_of
from ...model.finding import Finding, Kind
from ...model.verification import VerificationCoverage
from .wording import MAX_SUMMARY, SHOWN, counted, shortened, size, verification_in_words

SHOWN_FINDINGS = 100
"""In the output and in the report. If there are more, a list beside the report has all, so that reports stay quick to read."""
_WHAT: dict[Kind, str] = {
    Kind.MISSING: "not in the bucket",
    Kind.TRUNCATED: "shorter than recorded",
    Kind.CHANGED: "not the recorded bytes",
    Kind.SWAPPED: "the bytes of another row",
    Kind.ORPHAN: "in the bucket, but named by no row",
    Kind.ROW_WITHOUT_OBJECT_NAME: "a row without the name of an object",
    Kind.UNREADABLE_PARTITION: "a partition that cannot be read",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What one verify found and did.

    `level`: `listing`, `checksum` or `content`. `repair`: whether it was to repair. `budget`: as it was given; `spent`: whether
    it left something unchecked. `checked`: number of images that were looked at; `bytes`: bytes that were read. `unread`:
    number of images and partitions that could not be read now, `first_unread` why the first one. `without_checksum`: number of
    images of which the store keeps no SHA-256. `findings`: all that is wrong. `all_findings`: the key of their list, if the
    report does not have all. `coverage`: how much of the archive has been verified by content, and when.
    """

    run_id: str
    archive: str
    started_at: datetime
    finished_at: datetime
    seconds: float
    level: str
    repair: bool = False
    all_findings: str = ""
    budget: str | None = None
    spent: bool = False
    checked: int = 0
    bytes: int = 0
    unread: int = 0
    first_unread: str = ""
    without_checksum: int = 0
    findings: tuple[Finding, ...] = ()
    coverage: VerificationCoverage = VerificationCoverage()
    notes: tuple[str, ...] = ()
    store_requests: int = 0
    partitions: tuple[PartitionChange, ...] = ()

    @property
    def unrepaired(self) -> int:
        return sum(not finding.repaired for finding in self.findings)

    @property
    def outcome(self) -> str:
        """`intact`: nothing was found. `repaired`: all that was found is whole again. `damaged`: something is left."""
        if self.unrepaired:
            return "damaged"
        return "repaired" if self.findings else "intact"

    @property
    def exit_code(self) -> int:
        """0 if no finding is left unrepaired and everything could be read, else 3."""
        return 3 if self.unrepaired or self.unread else 0

    @property
    def slices_left(self) -> int | None:
        """How many more slices like this one it takes until every image was verified once; None if this was no slice."""
        return math.ceil(self.coverage.never / self.checked) if self._is_slice else None

    @property
    def slices_per_round(self) -> int | None:
        """How many such slices verify the whole archive; None if this was no slice."""
        return math.ceil(self.coverage.images / self.checked) if self._is_slice else None

    @property
    def _is_slice(self) -> bool:
        return self.level == "content" and self.spent and self.checked > 0

    def explain(self) -> list[str]:
        """What was found, what is safe, and what to do, in plain sentences."""
        return [
            self._checked_in_words(),
            *self._findings_in_words(),
            *self._unread_in_words(),
            *verification_in_words(self.coverage),
            *self._pace_in_words(),
            *self.notes,
            *self._next_step(),
        ]

    def _checked_in_words(self) -> str:
        images = counted(self.checked, "image")
        if self.level == "listing":
            return f"Compared {images} with the bucket's listing: presence and size. Bytes were not read."
        if self.level == "checksum":
            compared = counted(self.checked - self.without_checksum, "image")
            return (
                f"Compared the SHA-256 that the store keeps with the manifest for {compared} of {self.checked:,}. Bytes were not "
                "read."
            )
        return f"Read {images} ({size(self.bytes)}) and compared the SHA-256 of each with the manifest."

    def _findings_in_words(self) -> list[str]:
        if not self.findings:
            return ["Nothing is wrong with what was checked."]
        kinds = Counter(finding.kind for finding in self.findings)
        lines = [f"{counted(len(self.findings), 'finding')}, {len(self.findings) - self.unrepaired:,} repaired:"]
        for kind, number in kinds.most_common():
            lines.append(f"  {kind}: {number:,} ({_WHAT[kind]})")
            some = [finding for finding in self.findings if finding.kind is kind]
            lines += [f"    {finding.key}: {finding.detail}" for finding in some[:SHOWN]]
            if number > SHOWN:
                lines.append(
                    f"    ... and {number - SHOWN:,} more, in {self.all_findings or 'the report under runs/'}."
                )
        return lines

    def _unread_in_words(self) -> list[str]:
        lines = []
        if self.unread:
            lines.append(
                f"{counted(self.unread, 'image or partition', 'images or partitions')} could not be read now, so nothing is said "
                f"of them; the next verify reads them first. The first: {self.first_unread}"
            )
        if self.without_checksum:
            lines.append(
                f"The store keeps no SHA-256 of {counted(self.without_checksum, 'image')}. Only --level content can check them."
            )
        return lines

    def _pace_in_words(self) -> list[str]:
        if not self.spent:
            return []
        if self.level != "content":
            return ["The budget ended before everything was checked. Only slices of --level content go round."]
        left, each = self.slices_left, self.slices_per_round
        if left is None or each is None:
            return []
        whole = f"One slice like this per day verifies everything every {counted(each, 'day')}"
        if not left:
            return [f"{whole}. The slices have gone round at least once."]
        end = self.finished_at + timedelta(days=left)
        return [f"{whole}; the first round ends after {counted(left, 'more slice')}, on {end:%Y-%m-%d}."]

    def _next_step(self) -> list[str]:
        kinds = {finding.kind for finding in self.findings if not finding.repaired}
        lines = []
        if Kind.UNREADABLE_PARTITION in kinds:
            lines.append(
                "Restore an earlier version of each partition that cannot be read, or run `stablecog-archive rebuild "
                "--set-aside-damaged`. Its images are untouched."
            )
        if Kind.ORPHAN in kinds:
            lines.append(
                "Nothing depends on objects that no row names. They are kept; look at them before you move them away."
            )
        if kinds - {Kind.UNREADABLE_PARTITION, Kind.ORPHAN}:
            lines.append(
                "Nothing was deleted. What could not be repaired is marked as lost, and each run tries to copy it again. If the "
                "reason is a host that is not allowed, pass --image-host (connection extra image_hosts), and repair again."
                if self.repair
                else "Nothing was deleted. Run `stablecog-archive verify --repair`. What it cannot repair is marked as lost, and "
                "each run tries to copy it again."
            )
        return lines

    def summary(self) -> dict[str, Any]:
        """The short report for XCom and the asset event: counts and sentences, no findings."""
        document = self._document(0)
        kinds = Counter(finding.kind.value for finding in self.findings)
        summary = document | {"findings": dict(kinds), "unrepaired": self.unrepaired, "explanation": []}
        del summary["more_findings"], summary["notes"]
        return summary | {"explanation": shortened(self.explain(), MAX_SUMMARY - len(json.dumps(summary)))}

    def to_document(self) -> dict[str, Any]:
        """For machines, and as it is kept under `runs/`: the first findings, and how many more there are."""
        return self._document(SHOWN_FINDINGS)

    def findings_document(self) -> dict[str, Any]:
        """All findings, as they are kept beside the report if it does not have all."""
        return {"run_id": self.run_id, "archive": self.archive, "findings": document_of(self._by_severity())}

    def _by_severity(self) -> list[Finding]:
        """What is left matters more than what is whole again."""
        return sorted(self.findings, key=lambda finding: finding.repaired)

    def _document(self, shown: int) -> dict[str, Any]:
        document: dict[str, Any] = {
            name: document_of(getattr(self, name))
            for name in (
                "run_id", "archive", "started_at", "finished_at", "outcome", "level", "repair", "budget", "spent", "checked",
                "bytes", "seconds",
                "unread", "without_checksum", "slices_left", "slices_per_round", "notes", "store_requests", "all_findings",
            )
        }  # fmt: skip
        coverage = self.coverage
        return document | {
            "kind": "verify",
            "partitions": changes_document(self.partitions),
            "findings": document_of(self._by_severity()[:shown]),
            "left": dict(Counter(each.kind.value for each in self.findings if not each.repaired and not each.known)),
            "more_findings": max(0, len(self.findings) - shown),
            "coverage": {
                "images": coverage.images,
                "never": coverage.never,
                "oldest": document_of(coverage.oldest),
                "within_days": dict(coverage.within_days),
            },
            "explanation": self.explain(),
        }
