"""The band of an archive: is everything safe, what to do, how fresh. The order of the verdicts is that of the design's record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ...archive.reports.last_run import left_in_words
from ...archive.reports.status import ArchiveStatus
from ...archive.reports.wording import counted
from ...errors import ArchiveError, CredentialsRejected, StoreUnavailable
from ...model.object_keys import Layout
from ...model.verdict import Outcome
from ..actions import command_of, offered
from ..contexts import Band
from ..words import moment, number, span


@dataclass(frozen=True, slots=True)
class Look:
    """How a word is drawn: colour never stands alone."""

    tone: str
    icon: str


LOOKS = {
    Outcome.NOT_PROVEN: Look("bad", "i-cross"),
    Outcome.OUT_OF_DATE: Look("warn", "i-clock"),
    Outcome.IN_PART: Look("warn", "i-half"),
    Outcome.WITH_FAILED: Look("warn", "i-warn"),
    Outcome.PROVEN: Look("ok", "i-check"),
}
OTHER_LOOKS = {
    "running": Look("none", "i-clock"),
    "interrupted": Look("none", "i-none"),
    "failed": Look("bad", "i-cross"),
    "damaged": Look("bad", "i-cross"),
    "intact": Look("ok", "i-check"),
    "repaired": Look("ok", "i-check"),
    "complete": Look("ok", "i-check"),
}


READS = (
    "check the access key and the secret; the page needs s3:ListBucket on the bucket, and s3:GetObject on the archive"
)


def look_of(outcome: str) -> Look:
    """How a report's outcome is drawn; one that is not known here is grey."""
    try:
        return LOOKS[Outcome(outcome)]
    except ValueError:
        return OTHER_LOOKS.get(outcome, Look("none", "i-none"))


OPTIONAL = ("run", "verify")
"""Actions that may be taken if nothing needs to be done."""


def is_first_run(status: ArchiveStatus) -> bool:
    """Whether nothing was ever compared, and a run has begun and not ended."""
    return status.proof is None and status.last_run is not None and status.last_run.outcome == "running"


def band_of(status: ArchiveStatus, now: datetime, layout: Layout, allowed: frozenset[str] = frozenset()) -> Band:
    """The band of an archive that could be read. `allowed`: ids of the DAGs that the reader may trigger."""
    if is_first_run(status):
        return first_run(status.last_run.started_at if status.last_run else "", status.live, status.freshness)
    look = LOOKS[status.outcome]
    fresh, fresh_more, second = _freshness(status, now)
    to_do, more, names = _next_step(status)
    actions = offered(names, allowed, layout)
    return Band(
        tone=look.tone,
        icon=look.icon,
        word=str(status.outcome).capitalize(),
        safe=_safety(status),
        to_do=to_do,
        to_do_more=more,
        command="" if actions or not names or names is OPTIONAL else command_of(names[0], layout),
        actions=actions,
        fresh=fresh,
        fresh_more=fresh_more,
        fresh_second=second,
    )


def _safety(status: ArchiveStatus) -> list[str]:
    proof = status.proof
    if proof is None:
        return ["Nothing was compared with the source yet. What was committed is kept."]
    same = proof.agrees and not status.differences
    manifest = "the same in the manifest" if same else f"{number(proof.manifest)} in the manifest"
    compared = f"up to {moment(proof.end)} (compared {moment(proof.checked_at)})"
    lines = [f"{number(proof.source)} outputs at the source {compared}, {manifest}."]
    if status.missing:
        lines.append(f"{counted(len(status.missing), 'partition')} of the manifest is missing from the bucket.")
    if status.differences:
        lines.append(
            f"The counts differ in {counted(len(status.differences), 'period')}. Everything that was read is saved."
        )
    if status.gaps:
        lines.append(f"{counted(len(status.gaps.windows), 'gap was', 'gaps were')} never read.")
    if status.changed:
        lines.append(f"{counted(len(status.changed), 'partition was', 'partitions were')} changed by something else.")
    lines += [f"The verify of {each.at:%Y-%m-%d} found damage: {left_in_words(each.left)}." for each in status.damage]
    if status.images.unresolved:
        lines.append(f"{counted(status.images.unresolved, 'image is', 'images are')} not stored yet.")
    return lines


def _next_step(status: ArchiveStatus) -> tuple[str, str, Sequence[str]]:
    """What to do, more about it, and the actions for it."""
    if status.missing:
        return "Restore the manifest", status.next_step, ()
    if status.outcome is Outcome.NOT_PROVEN:
        return "Run again", status.next_step, ("run",)
    if status.is_out_of_date:
        return "Start a run", "Look why the last ones did not end.", ("run",)
    if status.outcome is Outcome.IN_PART:
        what = f"Read {counted(len(status.gaps.windows), 'gap')}" if status.gaps else "Run again"
        return what, "A run without start and end reads what is left.", ("run",)
    if status.outcome is Outcome.WITH_FAILED and status.damage and not status.can_repair:
        return "Restore partitions", status.next_step, ()
    if status.outcome is Outcome.WITH_FAILED and status.damage:
        return "Repair the images", "From earlier versions of the objects, or from the source.", ("repair",)
    if status.outcome is Outcome.WITH_FAILED:
        due = min(status.pending_retries.values(), default=None)
        when = f" Next attempt: {moment(due)} UTC or later." if due else ""
        return "Nothing", f"Later runs retry the images.{when}", ("retry",)
    if status.broken:
        return "Keep the limits", status.broken[0], ("verify",)
    if status.forgetting:
        return "Finish a forget", status.next_step, ()
    return "Nothing", "", OPTIONAL


def _freshness(status: ArchiveStatus, now: datetime) -> tuple[str, str, str]:
    if status.freshness is None:
        return "Unknown", "Nothing is covered yet.", ""
    more = f"Covered to {moment(status.freshness)} UTC."
    if status.schedule and not status.is_out_of_date:
        more += f" Runs start every {span(status.schedule)}."
    second = ""
    if status.watermark is not None and status.watermark != status.freshness:
        second = f"Unbroken only to {moment(status.watermark)} UTC (watermark)."
    return span(now - status.freshness), more, second


def first_run(started_at: str, outputs: int, covered_to: datetime | None) -> Band:
    """The band while nothing was ever compared. `started_at`: as the report has it."""
    covered = f"Covered to {moment(covered_to)} UTC." if covered_to else "Nothing is covered yet."
    started = started_at[:16].replace("T", " ")
    return Band(
        tone="none",
        icon="i-clock",
        word="First run under way",
        safe=["Nothing is proven yet. What was committed is kept: a run that is stopped continues from there."],
        to_do="Nothing",
        to_do_more=f"The run began at {started} UTC, or has been stopped without a word since.",
        fresh_label="How far",
        fresh=f"{number(outputs)} outputs",
        fresh_more=covered,
    )


def unreachable(error: ArchiveError, address: str) -> Band:
    """The band of an archive that cannot be read now."""
    safe, hint = [f"{address}: {error.message}."], error.hint
    if isinstance(error, CredentialsRejected):
        # The error's own hint is for a run, which writes.
        word, step, hint = "Access refused", "Give the page access", READS
    elif isinstance(error, StoreUnavailable):
        word, step = "Cannot reach the bucket", "See whether the store is well"
    else:
        word, step = "Cannot be read", "Follow the hint"
    if isinstance(error, CredentialsRejected | StoreUnavailable):
        # Of a damaged archive, nobody knows that here.
        safe.append("Nothing is lost by that: what was archived does not depend on this page.")
    return Band(
        tone="bad",
        icon="i-plug",
        word=word,
        safe=safe,
        to_do=step,
        to_do_more=f"{hint[0].upper()}{hint[1:]}." if hint else "Reload this page.",
        fresh="Unknown",
    )
