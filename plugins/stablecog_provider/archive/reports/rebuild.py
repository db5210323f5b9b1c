"""The report of a rebuild: for machines, and in sentences for people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ...model.changes import PartitionChange, changes_document
from ...model.counts import CountComparison, Proof
from ...model.coverage import Axis, Coverage
from ...model.documents import document_of
from ...model.failure import SHOWN_FAILURES, Failure
from .run import proof_document
from .wording import MAX_SUMMARY, at, counted, reread_in_words, shortened, unchecked_in_words

SHOWN_GAPS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReport:
    """What one rebuild found and did.

    `checkpoint_was`: `whole`, `missing`, or what was wrong with it. `missing`: days whose partition is missing, although the
    old checkpoint lists it. `gaps`: periods in which the counts differ. `set_aside`: where damaged objects are kept;
    `set_aside_before`: where those of earlier rebuilds are.
    `images_checked`: number of images that were looked for in the bucket, None if this was not asked for. `images_found`:
    number of lost images that are in the bucket again. `reread`: periods (requested axis) that the next run reads again.
    `unchecked`: number of days whose stored images are yet to be looked for. `notes`: what else a person should know.
    """

    run_id: str
    archive: str
    source: str
    started_at: datetime
    finished_at: datetime
    axis: Axis = Axis.COMPLETED
    checkpoint_was: str = ""
    coverage: Coverage = Coverage()
    live: int = 0
    missing: tuple[date, ...] = ()
    set_aside: tuple[str, ...] = ()
    set_aside_before: tuple[str, ...] = ()
    gaps: tuple[CountComparison, ...] = ()
    images_checked: int | None = None
    images_found: int = 0
    lost_images: tuple[Failure, ...] = ()
    lost_before: int = 0
    differences: int = 0
    reread: Coverage = Coverage()
    unchecked: int = 0
    proof: Proof | None = None
    claims: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    source_requests: int = 0
    store_requests: int = 0
    partitions: tuple[PartitionChange, ...] = ()

    @property
    def outcome(self) -> str:
        """`rebuilt`, or `rebuilt, with gaps` if the next run has something to read or to copy again."""
        left = self.gaps or self.lost_images or self.lost_before or self.differences or self.reread or self.unchecked
        whole = self.coverage and not left
        return "rebuilt" if whole else "rebuilt, with gaps"

    @property
    def exit_code(self) -> int:
        """0 everything that can be counted agrees, 3 the next run has gaps to read."""
        return 0 if self.outcome == "rebuilt" else 3

    @property
    def seconds(self) -> float:
        return round((self.finished_at - self.started_at).total_seconds(), 3)

    def explain(self) -> list[str]:
        """What was found, what is safe, and what to do, in plain sentences."""
        lines = [
            f"The checkpoint was {self.checkpoint_was}. The new one covers the periods in which manifest and source count the "
            "same."
        ]
        lines += [f"Moved without changes: {place}" for place in self.set_aside]
        lines += [
            f"Moved without changes by an earlier rebuild: {place}" for place in self.set_aside_before[:SHOWN_GAPS]
        ]
        if self.missing:
            days = ", ".join(map(str, self.missing[:SHOWN_GAPS]))
            lines.append(
                f"{counted(len(self.missing), 'partition is', 'partitions are')} missing, but listed in the old checkpoint: "
                f"{days}."
            )
        lines += [*self._coverage_in_words(), *reread_in_words(self.reread)]
        unchecked = unchecked_in_words(self.unchecked)
        return [*lines, *self._images_in_words(), *unchecked, *self.claims, *self.notes, *self._next_step()]

    def _images_in_words(self) -> list[str]:
        if self.images_checked is None:
            lost = counted(self.lost_before, "image is", "images are")
            return [f"{lost} marked as lost from the bucket, from an earlier check."] if self.lost_before else []
        lines = []
        if self.images_found:
            lines.append(
                f"Found {counted(self.images_found, 'image')} in the bucket that the manifest had as lost or at another "
                "address. The rows are corrected."
            )
        if not self.lost_images:
            return [
                *lines,
                f"Checked {counted(self.images_checked, 'image')}: each is in the bucket with its recorded size. Their bytes "
                "were not read.",
            ]
        lines.append(
            f"Missing from the bucket or of another size: {counted(len(self.lost_images), 'image')} of {self.images_checked:,} "
            "checked. Their rows are marked as lost; the next run copies those that the source still has:"
        )
        return lines + [
            f"  {lost.output_id} ({lost.rendition}): {lost.reason}" for lost in self.lost_images[:SHOWN_FAILURES]
        ]

    def _next_step(self) -> list[str]:
        if self.outcome == "rebuilt":
            return []
        return [
            "Images and rows are kept. Run `stablecog-archive run` now: it reads the gaps again and copies the images that are "
            "not stored."
        ]

    def _coverage_in_words(self) -> list[str]:
        if not self.coverage:
            return [
                "Nothing is covered yet: no period could be proven. The next run reads the whole listing again, but copies no "
                "image that the manifest holds."
            ]
        spans = ", ".join(f"from {at(window.start)} to {at(window.end)}" for window in self.coverage)
        lines = [f"Covered, because source and manifest count the same: outputs {self.axis} {spans}."]
        lines += [
            f"Not covered: outputs requested from {at(gap.window.start)} to {at(gap.window.end)}. {_counts_in_words(gap)}"
            for gap in self.gaps[:SHOWN_GAPS]
        ]
        if len(self.gaps) > SHOWN_GAPS:
            lines.append(f"And {len(self.gaps) - SHOWN_GAPS:,} more such periods.")
        if self.differences:
            lines.append(
                f"{counted(self.differences, 'period')} whose counts differed in earlier runs still "
                f"{'has' if self.differences == 1 else 'have'} to be confirmed by the next run."
            )
        return lines

    def summary(self) -> dict[str, Any]:
        """The short report for XCom and the asset event: counts and sentences."""
        names = (
            "run_id", "archive", "outcome", "checkpoint_was", "live", "images_checked", "images_found", "source_requests",
            "seconds",
        )  # fmt: skip
        summary = {name: document_of(getattr(self, name)) for name in names} | {
            "kind": "rebuild",
            "watermark": document_of(self.coverage.watermark),
            "gaps": len(self.gaps),
            "missing": len(self.missing),
            "set_aside": len(self.set_aside),
            "lost_images": len(self.lost_images),
            "explanation": [],
        }
        return summary | {"explanation": shortened(self.explain(), MAX_SUMMARY - len(json.dumps(summary)))}

    def to_document(self) -> dict[str, Any]:
        """For machines, and as it is kept under `runs/`."""
        document: dict[str, Any] = document_of(self)
        return document | {
            "kind": "rebuild",
            "partitions": changes_document(self.partitions),
            "outcome": self.outcome,
            "gaps": [_gap(gap) for gap in self.gaps[:SHOWN_GAPS]],
            "lost_images": document_of(self.lost_images[:SHOWN_FAILURES]),
            "proof": proof_document(self.proof),
            "seconds": self.seconds,
            "explanation": self.explain(),
        }


def _counts_in_words(gap: CountComparison) -> str:
    if not gap.counted:
        return "They could not be compared: the source named no count for this period."
    return f"The source counts {gap.source:,}, the manifest holds {gap.manifest:,}."


def _gap(gap: CountComparison) -> dict[str, Any]:
    start, end = document_of(gap.window.start), document_of(gap.window.end)
    counts = (gap.source, gap.manifest) if gap.counted else (None, None)
    return {"start": start, "end": end, "source": counts[0], "manifest": counts[1]}
