"""The report of a run: for the bucket, for XCom and the asset event, and in plain words for the person at 3 a.m."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypedDict

from ...model.checkpoint import Proof
from ...model.coverage import Axis, Coverage
from ...model.times import BEGINNING, format_instant
from ..committing.tally import Failure


class RunSummary(TypedDict):
    """The small report that travels by XCom and asset event: counts and sentences, never rows."""

    run_id: str
    archive: str
    outcome: str
    proven: bool
    watermark: str | None
    read: int
    copied: int
    bytes: int
    refreshed: int
    failed: int
    gone: int
    tombstoned: int
    pending_retries: int
    source_requests: int
    store_requests: int
    seconds: float
    proof: dict[str, Any] | None
    explanation: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What one run found, did and proved. `outcome` is derived.

    `walk`: how the source was read. `read` to `failures`: as in a `Tally`. `claims`: what the proof rests on if counts do not
    honour dates. `differences`: the places where the source counts otherwise. `holes`: stretches that the source's listing could
    not show. `pending_retries`: days that hold images which are to be tried again.
    """

    run_id: str
    archive: str
    source: str
    started_at: datetime
    finished_at: datetime
    walk: str = ""
    capabilities: dict[str, Any] = field(default_factory=dict)
    axis: Axis = Axis.COMPLETED
    coverage: Coverage = Coverage()
    read: int = 0
    copied: int = 0
    bytes: int = 0
    refreshed: int = 0
    failed: int = 0
    gone: int = 0
    tombstoned: int = 0
    failures: tuple[Failure, ...] = ()
    pending_retries: int = 0
    next_retry: datetime | None = None
    source_requests: int = 0
    store_requests: int = 0
    proof: Proof | None = None
    differences: tuple[Proof, ...] = ()
    holes: Coverage = Coverage()
    claims: tuple[str, ...] = ()

    @property
    def proven(self) -> bool:
        return self.proof is not None and self.proof.agrees and not self.differences

    @property
    def outcome(self) -> str:
        """`proven`, `proven, with failed images`, or `not proven`."""
        if not self.proven:
            return "not proven"
        return "proven, with failed images" if self.failed or self.pending_retries else "proven"

    @property
    def exit_code(self) -> int:
        """0 done and proven, 3 done but some images failed or the proof differs."""
        return 0 if self.outcome == "proven" else 3

    @property
    def seconds(self) -> float:
        return round((self.finished_at - self.started_at).total_seconds(), 3)

    def explain(self) -> list[str]:
        """What happened, what is safe, and what to do, in plain sentences."""
        return [*self._coverage_in_words(), *self._copies_in_words(), *self._proof_in_words()]

    def _coverage_in_words(self) -> list[str]:
        if not self.coverage:
            return ["Nothing is covered yet."]
        lines = [covered_in_words(self.coverage, self.axis)]
        if len(self.coverage.windows) > 1:
            lines.append(
                f"Beyond it, {counted(len(self.coverage.windows) - 1, 'more stretch', 'more stretches')} covered; a run without "
                "--start and --end reads the gaps between."
            )
        lines += [
            f"The source's listing cannot show all outputs {self.axis} from {format_instant(hole.start)} to "
            f"{format_instant(hole.end)}: more of them overlap than fit on a page."
            for hole in self.holes
        ]
        return lines

    def _copies_in_words(self) -> list[str]:
        lines = [
            f"Copied {counted(self.copied, 'image')} ({self.bytes} bytes); {counted(self.refreshed, 'row')} refreshed without "
            "copying."
        ]
        if self.tombstoned:
            lines.append(
                f"{self.tombstoned} outputs were deleted at the source: their rows bear a tombstone, their images stay."
            )
        if self.gone:
            lines.append(f"{self.gone} images are gone at the source (404 or 410) and cannot be archived any more.")
        if self.failed:
            lines.append(
                f"{counted(self.failed, 'image')} failed in this run; later runs try them again by themselves:"
            )
            lines += [f"  {failure.output_id} ({failure.rendition}): {failure.reason}" for failure in self.failures]
            if self.failed > len(self.failures):
                lines.append(
                    f"  ... and {self.failed - len(self.failures)} more: the rows with state 'failed' in the manifest."
                )
        if self.pending_retries:
            when = f", the first after {format_instant(self.next_retry)}" if self.next_retry else ""
            lines.append(
                f"Failed images of this or earlier runs: on {counted(self.pending_retries, 'day')}. Runs try them again by "
                f"themselves{when}; `run --retry-failed` does so now."
            )
        return lines

    def _proof_in_words(self) -> list[str]:
        if self.proof is None:
            return ["Nothing was compared with the source's counts.", *self.claims]
        stretch = f"from {format_instant(self.proof.start)} to {format_instant(self.proof.end)}"
        numbers = f"the source counts {self.proof.source} outputs {stretch}, the manifest holds {self.proof.manifest}"
        if self.proven:
            return [f"Proven: {numbers}.", *self._not_yet_counted(), *self.claims]
        lines = [f"NOT proven: {numbers}.", *self.claims]
        lines += [
            f"  The difference lies between {format_instant(spot.start)} and {format_instant(spot.end)}: "
            f"source {spot.source}, manifest {spot.manifest}."
            for spot in self.differences
        ]
        lines.append(
            "All that was read is saved. Run again: the places named are read once more. "
            "If the same places differ again, the source counts outputs that its listing does not show: "
            "report them to its support."
        )
        return lines

    def _not_yet_counted(self) -> list[str]:
        """Why the proof ends before the watermark."""
        watermark = self.coverage.watermark
        if self.axis is Axis.REQUESTED or not self.proof or not watermark or self.proof.end >= watermark:
            return []
        return [
            "What was requested in the last 5 minutes before the watermark is archived, and counted by the next run: the source "
            "counts by request, and what was requested then may still be on its way."
        ]

    def summary(self) -> RunSummary:
        return RunSummary(
            run_id=self.run_id,
            archive=self.archive,
            outcome=self.outcome,
            proven=self.proven,
            watermark=format_instant(self.coverage.watermark) if self.coverage.watermark else None,
            read=self.read,
            copied=self.copied,
            bytes=self.bytes,
            refreshed=self.refreshed,
            failed=self.failed,
            gone=self.gone,
            tombstoned=self.tombstoned,
            pending_retries=self.pending_retries,
            source_requests=self.source_requests,
            store_requests=self.store_requests,
            seconds=self.seconds,
            proof=_proof_document(self.proof) if self.proof else None,
            explanation=self.explain(),
        )

    def to_document(self) -> dict[str, Any]:
        """The whole report, as it is kept under `runs/`."""
        return {
            **self.summary(),
            "source": self.source,
            "walk": self.walk,
            "capabilities": self.capabilities,
            "axis": str(self.axis),
            "started_at": format_instant(self.started_at),
            "finished_at": format_instant(self.finished_at),
            "coverage": [[format_instant(window.start), format_instant(window.end)] for window in self.coverage],
            "holes": [[format_instant(window.start), format_instant(window.end)] for window in self.holes],
            "failures": [
                {"output_id": failure.output_id, "rendition": failure.rendition, "reason": failure.reason}
                for failure in self.failures
            ],
            "differences": [_proof_document(spot) for spot in self.differences],
        }


def counted(number: int, one: str, many: str = "") -> str:
    """`1 image`, `2 images`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def covered_in_words(coverage: Coverage, axis: Axis) -> str:
    """One sentence on the first unbroken stretch of a coverage that has one."""
    first = coverage.windows[0]
    since = f"from {format_instant(first.start)} and " if first.start > BEGINNING else ""
    return f"Every output {axis} {since}before {format_instant(first.end)} is archived (the watermark)."


def _proof_document(proof: Proof) -> dict[str, Any]:
    return {
        "start": format_instant(proof.start),
        "end": format_instant(proof.end),
        "source": proof.source,
        "manifest": proof.manifest,
        "agrees": proof.agrees,
    }
