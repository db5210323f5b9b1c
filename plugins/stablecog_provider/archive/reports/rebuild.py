"""What a rebuild found and did, in plain words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from ...model.checkpoint import Proof
from ...model.coverage import Axis, Coverage
from ...model.times import format_instant
from ..committing.tally import SHOWN_FAILURES, Failure
from ..proving.bisection import CountComparison
from .run import counted

SHOWN_GAPS = 50


@dataclass(slots=True, kw_only=True)
class RebuildReport:
    """Filled in as the rebuild goes. `checkpoint_was`: `whole`, `missing`, or what was wrong with it. `missing`: days whose
    partition the old checkpoint knew. `gaps`: what the source counts otherwise. `set_aside`: where damaged objects are kept.
    """

    run_id: str
    archive: str
    source: str
    started_at: datetime
    finished_at: datetime | None = None
    axis: Axis = Axis.COMPLETED
    checkpoint_was: str = ""
    coverage: Coverage = Coverage()
    live: int = 0
    missing: list[date] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    gaps: list[CountComparison] = field(default_factory=list)
    images_checked: bool = False
    lost_images: list[Failure] = field(default_factory=list)
    proof: Proof | None = None
    claims: list[str] = field(default_factory=list)
    source_requests: int = 0
    store_requests: int = 0

    @property
    def outcome(self) -> str:
        """`rebuilt`, or `rebuilt, with gaps`: then the next run has something to read or to copy again."""
        whole = self.coverage and not self.gaps and not self.lost_images
        return "rebuilt" if whole else "rebuilt, with gaps"

    @property
    def exit_code(self) -> int:
        """0 all that can be counted agrees, 3 the next run has gaps to read."""
        return 0 if self.outcome == "rebuilt" else 3

    @property
    def seconds(self) -> float:
        return round(((self.finished_at or self.started_at) - self.started_at).total_seconds(), 3)

    def explain(self) -> list[str]:
        """What was found, what is safe, and what to do, in plain sentences."""
        lines = [f"The checkpoint was {self.checkpoint_was}; it stands as the manifest and the source's counts say."]
        lines += [f"Set aside, as it was: {place}" for place in self.set_aside]
        if self.missing:
            days = ", ".join(map(str, self.missing[:SHOWN_GAPS]))
            lines.append(
                f"Missing, though the old checkpoint knew them: {counted(len(self.missing), 'partition')}, {days}."
            )
        lines += self._coverage_in_words()
        if self.lost_images:
            lines.append(
                f"{len(self.lost_images)} images are not in the bucket as the manifest says; the next run copies them:"
            )
            lines += [
                f"  {lost.output_id} ({lost.rendition}): {lost.reason}" for lost in self.lost_images[:SHOWN_FAILURES]
            ]
        elif self.images_checked:
            lines.append("Every archived image lies in the bucket, with the size that the manifest says.")
        lines += self.claims
        if self.outcome != "rebuilt":
            lines.append(
                "Images and rows are kept. Run `stablecog-archive run` now: it reads the gaps again, and copies the images that "
                "have no row."
            )
        return lines

    def _coverage_in_words(self) -> list[str]:
        if not self.coverage:
            return [
                "Nothing could be proven covered: the next run reads the whole listing again, and copies no image that the "
                "manifest holds."
            ]
        spans = ", ".join(f"{format_instant(window.start)} to {format_instant(window.end)}" for window in self.coverage)
        lines = [f"Covered ({self.axis}), for source and manifest count the same there: {spans}."]
        lines += [
            f"Not covered: requested from {format_instant(gap.window.start)} to {format_instant(gap.window.end)}, the source "
            f"counts {gap.source}, the manifest holds {gap.manifest}."
            for gap in self.gaps[:SHOWN_GAPS]
        ]
        if len(self.gaps) > SHOWN_GAPS:
            lines.append(f"And {len(self.gaps) - SHOWN_GAPS} more such stretches.")
        return lines

    def to_document(self) -> dict[str, Any]:
        """For machines, and as it is kept under `runs/`: instants are RFC 3339 text."""
        return {
            "kind": "rebuild",
            "run_id": self.run_id,
            "archive": self.archive,
            "source": self.source,
            "started_at": format_instant(self.started_at),
            "finished_at": format_instant(self.finished_at) if self.finished_at else None,
            "outcome": self.outcome,
            "axis": str(self.axis),
            "checkpoint_was": self.checkpoint_was,
            "coverage": [[format_instant(window.start), format_instant(window.end)] for window in self.coverage],
            "live": self.live,
            "missing": [day.isoformat() for day in self.missing],
            "set_aside": self.set_aside,
            "gaps": [
                {
                    "start": format_instant(gap.window.start),
                    "end": format_instant(gap.window.end),
                    "source": gap.source,
                    "manifest": gap.manifest,
                }
                for gap in self.gaps[:SHOWN_GAPS]
            ],
            "images_checked": self.images_checked,
            "lost_images": [
                {"output_id": lost.output_id, "rendition": lost.rendition, "reason": lost.reason}
                for lost in self.lost_images[:SHOWN_FAILURES]
            ],
            "source_requests": self.source_requests,
            "store_requests": self.store_requests,
            "seconds": self.seconds,
            "explanation": self.explain(),
        }
