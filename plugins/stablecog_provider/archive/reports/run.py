"""The report of a run: for the bucket, for XCom and the asset event, and in sentences for people."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypedDict

from ...model.changes import PartitionChange, changes_document
from ...model.checkpoint import Sweep
from ...model.counts import Difference, Proof
from ...model.coverage import MAX_LATENCY, Axis, Coverage, Window
from ...model.documents import document_of
from ...model.failure import Failure
from ...model.partition_summary import ImageCounts
from ...model.refreshed import RefreshCoverage
from ...model.verdict import Outcome
from ...model.verification import VerificationCoverage
from .changed import ChangedDay, changed_in_words
from .wording import (
    MAX_SUMMARY,
    SHOWN,
    at,
    compared_in_words,
    counted,
    covered_in_words,
    difference_in_words,
    holes_in_words,
    images_in_words,
    newest_days,
    refresh_in_words,
    reread_in_words,
    shortened,
    shown_in_part,
    size,
    unchecked_in_words,
    verification_in_words,
)


class RunSummary(TypedDict):
    """The short report for XCom and the asset event: counts and sentences, never rows."""

    run_id: str
    archive: str
    outcome: str
    proven: bool
    watermark: str | None
    read: int
    new: int
    copied: int
    bytes: int
    refreshed: int
    failed: int
    gone: int
    tombstoned: int
    changed_days: list[str]
    changed_day_count: int
    images: dict[str, int]
    pending_retries: int
    source_requests: int
    request_limit: int
    store_requests: int
    seconds: float
    proof: dict[str, Any] | None
    explanation: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What one run found, did and proved.

    `walk`: how the source was read. `read` to `failures`: as in a `Tally`. `images`: all images of the archive. `claims`: what
    the proof is based on. `changed_days`: days whose partition this run wrote, or found changed by something other than a
    finished run. `differences`: periods in which the counts differ. `holes`: periods that the source's listing could not show
    in full. `changed`: days whose partition was changed by something other than a finished run, and what was healed.
    `partitions`: those that this run changed. `reread`: periods that the next run reads again. `unchecked`: number of days
    whose stored images are yet to be looked for. `verification`: how much of the stored bytes was verified, and when.
    `refresh`: how recently the listing was read for what is covered. `hosts_down`: image hosts that were down, each with its
    last failure. `notes`: what else a person should know. `pending_retries`: number of days with images that are to be retried.
    `request_limit`: the most requests that this run could have made to the source, without retries.
    """

    run_id: str
    archive: str
    source: str
    started_at: datetime
    finished_at: datetime
    outcome: Outcome = Outcome.NOT_PROVEN
    walk: str = ""
    capabilities: dict[str, Any] = field(default_factory=dict)
    axis: Axis = Axis.COMPLETED
    coverage: Coverage = Coverage()
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
    pending_retries: int = 0
    next_retry: datetime | None = None
    source_requests: int = 0
    request_limit: int = 0
    store_requests: int = 0
    proof: Proof | None = None
    differences: tuple[Difference, ...] = ()
    holes: tuple[Difference, ...] = ()
    sweep: Sweep = Sweep()
    changed: tuple[ChangedDay, ...] = ()
    partitions: tuple[PartitionChange, ...] = ()
    reread: Coverage = Coverage()
    unchecked: int = 0
    verification: VerificationCoverage = field(default_factory=VerificationCoverage)
    refresh: RefreshCoverage = field(default_factory=RefreshCoverage)
    hosts_down: dict[str, str] = field(default_factory=dict)
    claims: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def proven(self) -> bool:
        """Whether the counts agree everywhere that they were compared."""
        return self.proof is not None and self.outcome is not Outcome.NOT_PROVEN

    @property
    def exit_code(self) -> int:
        """0 done and proven, 3 done with something left."""
        return self.outcome.exit_code

    @property
    def seconds(self) -> float:
        return round((self.finished_at - self.started_at).total_seconds(), 3)

    def explain(self) -> list[str]:
        """What happened, what is safe, and what to do, in plain sentences."""
        return [
            *self._coverage_in_words(),
            *self._copies_in_words(),
            *self._proof_in_words(),
            *as_of_in_words(self.proof, self.verification, self.refresh, self.sweep),
            *self._surroundings_in_words(),
        ]

    def _coverage_in_words(self) -> list[str]:
        if not self.coverage:
            return ["Nothing is covered yet."]
        lines = [covered_in_words(self.coverage, self.axis)]
        if (more := len(self.coverage.windows) - 1) > 0:
            first, last = self.coverage.windows[0], self.coverage.windows[-1]
            # An ordinary run reads every other gap.
            gaps = self.coverage.gaps(Window(first.start, last.end)).subtract(shown_in_part(self.holes))
            told = " A run without --start and --end reads the gaps between them." if gaps else ""
            lines.append(f"{counted(more, 'later period is', 'later periods are')} covered too.{told}")
        return lines + holes_in_words(self.holes, self.axis)

    def _copies_in_words(self) -> list[str]:
        lines = [
            f"{counted(self.new, 'output is', 'outputs are')} new. Copied {counted(self.copied, 'image')} "
            f"({size(self.bytes)}); refreshed {counted(self.refreshed, 'row')} without copying."
        ]
        if self.tombstoned:
            lines.append(
                f"{counted(self.tombstoned, 'output was', 'outputs were')} deleted at the source. "
                f"{'Its' if self.tombstoned == 1 else 'Their'} rows are marked as deleted; "
                f"{'its' if self.tombstoned == 1 else 'their'} images are kept."
            )
        if self.failed:
            lines.append(f"{counted(self.failed, 'image')} failed in this run; later runs retry them:")
            lines += [
                f"  {failure.output_id} ({failure.rendition}): {failure.reason}" for failure in self.failures[:SHOWN]
            ]
            if self.failed > SHOWN:
                lines.append(f"  ... and {self.failed - SHOWN:,} more: see the column `error` of the manifest.")
        lines += [
            f"The image host {host} is down ({cause}). Its images that were not copied are retried later; "
            "other hosts are not affected."
            for host, cause in self.hosts_down.items()
        ]
        return lines + images_in_words(self.images, self.next_retry)

    def _proof_in_words(self) -> list[str]:
        if self.proof is None:
            return ["Nothing was compared with the source's counts.", *self.claims]
        numbers = (
            f"the source counts {self.proof.source:,} outputs {compared_in_words(self.proof)}, the manifest holds "
            f"{self.proof.manifest:,}"
        )
        if self.proven:
            begin = "Proven" if self.outcome is not Outcome.IN_PART else "Proven for the part that was compared"
            return [f"{begin}: {numbers}.", *self._not_yet_counted(), *self.claims]
        lines = [f"NOT proven: {numbers}.", *self.claims]
        lines += [
            f"  {difference_in_words(spot)}; read again {counted(spot.looks, 'time')}, next after {at(spot.due)}."
            for spot in self.differences[:SHOWN]
        ]
        if len(self.differences) > SHOWN:
            lines.append(f"  ... and {len(self.differences) - SHOWN:,} more such periods.")
        lines.append(
            "Everything that was read is saved. Later runs read these periods again. If the counts keep differing, the source "
            "counts outputs that it does not list: report the periods to its support."
        )
        return lines

    def _not_yet_counted(self) -> list[str]:
        """Why the proof ends before the watermark."""
        watermark = self.coverage.watermark
        if self.axis is Axis.REQUESTED or not self.proof or not watermark or self.proof.end >= watermark:
            return []
        if self.proof.end < watermark - MAX_LATENCY:
            return [
                f"Outputs requested from {at(self.proof.end)} on were not compared in this run; a run without --end compares "
                "them."
            ]
        return [
            "Outputs requested in the last 5 minutes before the watermark are not compared yet; a run that reads beyond it "
            "compares them. The source counts by time of request, and some of them may complete after the watermark."
        ]

    def _surroundings_in_words(self) -> list[str]:
        lines = [*changed_in_words(self.changed), *reread_in_words(self.reread)]
        lines += [*unchecked_in_words(self.unchecked), *self.notes]
        lines.append(
            f"Requests to the source: {self.source_requests:,}, of at most {self.request_limit:,} (without retries)."
        )
        return lines

    def summary(self) -> RunSummary:
        """The counts, and as many sentences as XCom should carry."""
        summary = RunSummary(
            run_id=self.run_id,
            archive=self.archive,
            outcome=self.outcome,
            proven=self.proven,
            watermark=document_of(self.coverage.watermark),
            read=self.read,
            new=self.new,
            copied=self.copied,
            bytes=self.bytes,
            refreshed=self.refreshed,
            failed=self.failed,
            gone=self.gone,
            tombstoned=self.tombstoned,
            changed_days=newest_days(self.changed_days),
            changed_day_count=len(self.changed_days),
            images=document_of(self.images),
            pending_retries=self.pending_retries,
            source_requests=self.source_requests,
            request_limit=self.request_limit,
            store_requests=self.store_requests,
            seconds=self.seconds,
            proof=proof_document(self.proof),
            explanation=[],
        )
        summary["explanation"] = shortened(self.explain(), MAX_SUMMARY - len(json.dumps(summary)))
        return summary

    def to_document(self) -> dict[str, Any]:
        """The whole report, as it is kept under `runs/` and printed by `--json`."""
        document: dict[str, Any] = document_of(self)
        return (
            {"kind": "run"}
            | document
            | {
                "proven": self.proven,
                "watermark": document_of(self.coverage.watermark),
                "seconds": self.seconds,
                "proof": proof_document(self.proof),
                "partitions": changes_document(self.partitions),
                "explanation": self.explain(),
            }
        )


def proof_document(proof: Proof | None) -> dict[str, Any] | None:
    """A proof with its conclusion."""
    return None if proof is None else {**document_of(proof), "agrees": proof.agrees}


def as_of_in_words(
    proof: Proof | None, verification: VerificationCoverage, refresh: RefreshCoverage, sweep: Sweep
) -> list[str]:
    """Return what was compared and when, a line for each kind of check, so that a claim is no wider than its check."""
    if proof is None:
        return verification_in_words(verification)
    compared = f"Outputs were compared by count at {at(proof.checked_at)}."
    return [compared, *verification_in_words(verification), *refresh_in_words(refresh, sweep)]
