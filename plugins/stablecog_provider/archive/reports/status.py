"""The report of `status`: for machines, and in sentences for people."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from ...model.checkpoint import Consent, Forgetting, Sweep
from ...model.counts import Difference, Proof
from ...model.coverage import Axis, Coverage, Window
from ...model.damage import Damage, can_repair
from ...model.documents import document_of
from ...model.names import KnownModel
from ...model.partition_summary import ImageCounts
from ...model.refreshed import RefreshCoverage
from ...model.times import BEGINNING
from ...model.verdict import Outcome
from ...model.verification import VerificationCoverage
from .last_run import LastRun
from .run import as_of_in_words, proof_document
from .wording import (
    SET_ASIDE,
    SHOWN,
    at,
    compared_in_words,
    counted,
    covered_in_words,
    damage_in_words,
    difference_in_words,
    forgetting_in_words,
    holes_in_words,
    images_in_words,
    reread_in_words,
    shown_in_part,
    unchecked_in_words,
)

_NEXT_STEPS = {
    Outcome.NOT_PROVEN: "Run again; if the counts differ again, report the periods to the service.",
    Outcome.IN_PART: "Run without --start and --end: it reads what is left.",
    Outcome.WITH_FAILED: "None: later runs retry the images. `run --retry-failed` retries them now.",
    Outcome.OUT_OF_DATE: "Start a run, and look why the last ones did not end.",
    Outcome.PROVEN: "None.",
}


@dataclass(frozen=True, slots=True)
class Month:
    """What the archive holds of one month: live outputs, stored images and their bytes."""

    outputs: int = 0
    images: int = 0
    bytes: int = 0

    def plus(self, outputs: int, images: int, size: int) -> Month:
        return Month(self.outputs + outputs, self.images + images, self.bytes + size)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveStatus:
    """The state of an archive, from the bucket alone.

    `live`: number of outputs in the manifest that are not marked as deleted. `days`: number of days that have any.
    `pending_retries`: when the first image of a day is due again, per day. `missing`: addresses of partitions that the
    checkpoint lists and the bucket lacks. `changed`: days whose partition has another version than the checkpoint lists, each
    with the time its object was written, if the store says. `holes`: periods that the source's listing could not show in full.
    `unchecked`: number of days whose stored images are yet to be looked for. `last_run`: None if no report can be read.
    `verification`: how much of the stored bytes was verified, and when. `refresh`: how recently the source's listing was read
    for what is covered. `freshness`: the newest covered instant; with a gap, it is later than the watermark. `at`: when all
    this was found. `runs`: the last reports, newest first. `reasons`: images that are not stored, by state and reason.
    `months`: what was made per month. `schedule`: the interval of the last runs, if it is known. `is_out_of_date`: whether the
    last comparison is older than that allows. `damage`: what verifies found, and is not known to be repaired or marked.
    `broken`: a sentence on each limit that is broken. `forgetting`: what is still to be deleted of forgotten outputs. `models`:
    all models that the source's public list ever had, the latest first. Outputs may name others.
    """

    archive: str
    source: str
    axis: Axis
    outcome: Outcome
    whole: bool
    coverage: Coverage
    live: int
    days: int
    images: ImageCounts
    bytes: int
    pending_retries: dict[date, datetime]
    proof: Proof | None
    differences: tuple[Difference, ...]
    holes: tuple[Difference, ...]
    reread: Coverage
    unchecked: int
    sweep: Sweep
    consents: tuple[Consent, ...]
    saved_at: datetime | None
    last_run: LastRun | None
    verification: VerificationCoverage = field(default_factory=VerificationCoverage)
    refresh: RefreshCoverage = field(default_factory=RefreshCoverage)
    freshness: datetime | None = None
    at: datetime | None = None
    runs: tuple[LastRun, ...] = ()
    reasons: dict[str, int] = field(default_factory=dict)
    months: dict[str, Month] = field(default_factory=dict)
    schedule: timedelta | None = None
    is_out_of_date: bool = False
    broken: tuple[str, ...] = ()
    damage: tuple[Damage, ...] = ()
    missing: tuple[str, ...] = ()
    changed: dict[date, datetime | None] = field(default_factory=dict)
    forgetting: tuple[Forgetting, ...] = ()
    models: tuple[KnownModel, ...] = ()

    @property
    def watermark(self) -> datetime | None:
        return self.coverage.watermark

    @property
    def gaps(self) -> Coverage:
        """The gaps in coverage before its last instant. A run without bounds reads them."""
        if not self.coverage:
            return Coverage()
        return self.coverage.gaps(Window(BEGINNING, self.coverage.windows[-1].end))

    @property
    def exit_code(self) -> int:
        """0 proven, 3 something is left, differs or is missing, or a limit is broken."""
        return 3 if self.broken else self.outcome.exit_code

    @property
    def lag(self) -> timedelta | None:
        """The age of the newest covered instant."""
        return self.at - self.freshness if self.at and self.freshness else None

    @property
    def next_step(self) -> str:
        """What to do now, in one sentence."""
        if self.missing:
            return "Restore the missing partitions, or run `stablecog-archive rebuild`."
        if self.is_out_of_date or (self.broken and self.outcome is Outcome.PROVEN):
            return "Start a run, and look why the last ones did not end." if self.is_out_of_date else self.broken[0]
        if self.damage and self.outcome is Outcome.WITH_FAILED:
            return f"Run `stablecog-archive {'verify --repair' if self.can_repair else SET_ASIDE}`."
        if self.forgetting and self.outcome is Outcome.PROVEN:
            return "Run `stablecog-archive forget --to ... --yes`: an earlier forget has not come to its end."
        return _NEXT_STEPS[self.outcome]

    def explain(self) -> list[str]:
        """The state and the next steps, in plain sentences."""
        if self.watermark is None:
            lines = ["Nothing is covered yet: no run has completed a period. Run again."]
        else:
            lines = [covered_in_words(self.coverage, self.axis)]
        lines += [
            f"Not covered: {at(gap.start) if gap.start > BEGINNING else 'the beginning'} to {at(gap.end)}. A run without --start "
            "and --end reads it."
            for gap in self.gaps.subtract(shown_in_part(self.holes)).windows[:SHOWN]
        ]
        lines += holes_in_words(self.holes, self.axis)
        lines += self._age_in_words()
        lines += images_in_words(self.images, min(self.pending_retries.values(), default=None))
        lines += [*self._proof_in_words(), *as_of_in_words(self.proof, self.verification, self.refresh, self.sweep)]
        lines += damage_in_words(self.damage)
        return [*lines, *forgetting_in_words(self.forgetting), *self._partitions_in_words()]

    @property
    def can_repair(self) -> bool:
        """Whether a repair may help against the damage."""
        return can_repair(self.damage)

    def _age_in_words(self) -> list[str]:
        lines = []
        if self.is_out_of_date and self.proof:
            ahead = ", by a clock that was ahead" if self.at and self.proof.checked_at > self.at else ""
            often = f"runs started every {_hours(self.schedule)}" if self.schedule else "--max-lag allows less"
            lines.append(f"Out of date: the counts were last compared at {at(self.proof.checked_at)}{ahead}; {often}.")
        lines += self.broken
        return lines

    def _proof_in_words(self) -> list[str]:
        if self.proof is None:
            return ["No proof yet: nothing was compared with the source's counts. Run again."]
        numbers = (
            f"{compared_in_words(self.proof)}, the source counts {self.proof.source:,} outputs and the "
            f"manifest holds {self.proof.manifest:,}"
        )
        if self.proof.agrees and not self.differences:
            begin = "Last proof" if self.outcome not in (Outcome.WITH_FAILED, Outcome.PROVEN) else "Proven"
            lines = [f"{begin}: {numbers}."]
            if not self.whole:
                more = "" if self.holes else " A run without --start and --end proves the rest as well."
                lines.append(f"That is not the whole archive.{more}")
            return lines
        lines = [
            f"NOT proven: {numbers}. Everything that was read is saved. Later runs read the periods that differ again."
        ]
        return lines + [f"  {difference_in_words(spot)}." for spot in self.differences[:SHOWN]]

    def _partitions_in_words(self) -> list[str]:
        lines = []
        if self.missing:
            more = f" and {len(self.missing) - 1} more" if len(self.missing) > 1 else ""
            lines.append(
                f"{self.missing[0]}{more} is missing, but the checkpoint lists it. Restore the object (an earlier version, a "
                "backup), or run `stablecog-archive rebuild`."
            )
        if self.changed:
            named = [
                f"{day} (written at {at(since)})" if since else str(day)
                for day, since in list(self.changed.items())[:SHOWN]
            ]
            days = ", ".join(named)
            more = f" and {counted(len(self.changed) - SHOWN, 'other day')}" if len(self.changed) > SHOWN else ""
            lines.append(
                f"The partitions of {days}{more} were changed by something other than a finished run. If they can "
                "be read, the next run counts them and reads their days again; if not, it says what to do."
            )
        return [*lines, *reread_in_words(self.reread), *unchecked_in_words(self.unchecked)]

    def to_document(self) -> dict[str, Any]:
        """For machines: instants as RFC 3339 text, windows as pairs of them."""
        document: dict[str, Any] = document_of(replace(self, schedule=None))
        return document | {
            "schedule": None if self.schedule is None else self.schedule.total_seconds(),
            "lag": None if self.lag is None else self.lag.total_seconds(),
            "next_step": self.next_step,
            "watermark": document_of(self.watermark),
            "gaps": document_of(self.gaps),
            "proof": proof_document(self.proof),
            "explanation": self.explain(),
        }


def _hours(span: timedelta | None) -> str:
    return f"{span / timedelta(hours=1):.1f} hours" if span else "an unknown interval"
