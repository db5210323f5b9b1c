"""Prints reports for people: a verdict, a table, sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from ..archive.reports.changes import ChangesReport
from ..archive.reports.estimate import EstimateReport
from ..archive.reports.forget import ForgetReport
from ..archive.reports.last_run import LastRun
from ..archive.reports.publish import PublishReport
from ..archive.reports.rebuild import RebuildReport
from ..archive.reports.refresh import RefreshReport
from ..archive.reports.restore import RestoreReport
from ..archive.reports.run import RunReport
from ..archive.reports.verify import VerifyReport
from ..archive.reports.wording import SHOWN, counted, models_in_words
from ..archive.status import ArchiveStatus
from ..model.verdict import Outcome
from .exits import ErrorDocument

LOG_WIDTH = 200
MONTHS = 6
"""Months whose growth a terminal shows; `--json` has all."""
_STYLES = {
    "proven": "bold green",
    "proven, with failed images": "bold yellow",
    "proven, but out of date": "bold yellow",
    "proven, in part": "bold yellow",
    "not proven": "bold red",
    "rebuilt": "bold green",
    "rebuilt, with gaps": "bold yellow",
    "intact": "bold green",
    "repaired": "bold yellow",
    "damaged": "bold red",
    "restored": "bold green",
    "restored, with problems": "bold red",
    "planned": "bold",
    "nothing to forget": "bold green",
    "would forget": "bold yellow",
    "forgotten": "bold green",
}


def show_report(console: Console, report: RunReport) -> None:
    """Print the report of a run."""
    facts = [
        ("archive", report.archive),
        (
            "read",
            f"{report.read:,} outputs, repeats included, in {report.source_requests:,} requests to the source "
            f"({report.walk or 'nothing was listed'})",
        ),
        ("copied", f"{report.copied:,} images, {decimal(report.bytes)}, {_rate(report)}"),
        ("refreshed", f"{report.refreshed:,} rows"),
        ("failed, gone, deleted", f"{report.failed:,}, {report.gone:,}, {report.tombstoned:,}"),
        ("took", f"{report.seconds:,.1f} s"),
    ]
    console.print(_verdict(report.outcome), _facts(facts))
    _print_sentences(console, report.explain())


def show_estimate(console: Console, report: EstimateReport) -> None:
    """Print the report of a dry run."""
    _print_sentences(console, report.explain())


def show_changes(console: Console, report: ChangesReport) -> None:
    """Print which partitions changed, and how to go on."""
    table = Table("day", "added", "changed", "deleted", box=box.SIMPLE, pad_edge=False)
    # A version that is cut off on a narrow terminal cannot be compared.
    table.add_column("version", overflow="fold")
    for each in report.partitions:
        rows = each.rows
        counts = [f"{rows.added:,}", f"{rows.changed:,}", f"{rows.marked_deleted:,}"] if rows else ["unknown"] * 3
        table.add_row(str(each.day), *counts, sanitized(each.version))
    if report.records:
        console.print(table)
    _print_sentences(console, report.explain())


def show_status(console: Console, status: ArchiveStatus) -> None:
    """Print the state of an archive on one screen, and the report of its last run if that is not part of it."""
    facts = [
        ("archive", status.archive),
        ("next step", status.next_step),
        ("source", status.source),
        ("live outputs", f"{status.live:,} on {status.days:,} days"),
        ("images", _images(status)),
        ("newest covered", _seconds(status.freshness) + _lag(status) if status.freshness else "nothing yet"),
        ("watermark", _seconds(status.watermark) if status.watermark else "none yet"),
        ("saved at", _seconds(status.saved_at) if status.saved_at else "unknown"),
    ]
    facts += [("models", models_in_words(status.models))] if status.models else []
    facts += [("not stored", f"{number:,}: {reason}") for reason, number in list(status.reasons.items())[:SHOWN]]
    facts += [
        (month, f"{each.outputs:,} outputs, {each.images:,} images, {decimal(each.bytes)}")
        for month, each in list(status.months.items())[-MONTHS:]
    ]
    facts += [
        (f"last {run.kind}" if number == 0 else f"{run.kind} before", _run(run))
        for number, run in enumerate(status.runs[:SHOWN])
    ]
    console.print(_verdict(status.outcome), _facts(facts))
    _print_sentences(console, status.explain())
    if status.last_run:
        last = status.last_run
        console.print()
        console.print(sanitized(f"Last run {last.run_id}, started at {last.started_at}: {last.outcome}", style="bold"))
        if last.outcome not in set(Outcome):
            # What a run with a verdict says is above, as it is now.
            _print_sentences(console, last.explanation)


def _run(run: LastRun) -> str:
    left = run.left_in_words()
    return f"{run.started_at[:19]}Z: {run.outcome}" + (f" ({left})" if left else "")


def show_statuses(console: Console, found: Sequence[ArchiveStatus], failed: Mapping[str, ErrorDocument]) -> None:
    """Print the state of several archives as one table, then what is wrong with each."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("archive", "verdict", "lag", "images", "bytes", "verified", "refreshed", "last run"):
        table.add_column(name, overflow="fold", no_wrap=name == "verdict")
    for each in found:
        oldest = (each.verification.oldest, each.refresh.oldest)
        last = f"{each.runs[0].started_at[:10]}: {each.runs[0].outcome}" if each.runs else "none"
        table.add_row(
            sanitized(each.archive),
            _verdict(each.outcome),
            _lag(each).strip(" ()").removesuffix(" ago"),
            f"{each.images.archived:,}",
            decimal(each.bytes),
            *(f"{at:%Y-%m-%d}" if at else "never" for at in oldest),
            sanitized(last),
        )
    for name in failed:
        table.add_row(sanitized(name), Text("UNREADABLE", style="bold red"), *[""] * 6)
    if not console.is_terminal:
        # In a log, a row is one line.
        console.width = LOG_WIDTH
    console.print(table)
    for each in found:
        if each.exit_code:
            _print_sentences(console, [f"{each.archive}: {sentence}" for sentence in (each.next_step, *each.broken)])
    for name, error in failed.items():
        _print_sentences(console, [f"{name}: {error['error']}; what to do: {error['hint']}"])


def _images(status: ArchiveStatus) -> str:
    images = status.images
    left = {"failed": images.failed, "gone": images.gone, "lost": images.lost}
    more = "".join(f", {number:,} {name}" for name, number in left.items() if number)
    return f"{images.archived:,} stored, {decimal(status.bytes)}{more}"


def _lag(status: ArchiveStatus) -> str:
    if status.lag is None:
        return ""
    hours = status.lag.total_seconds() / 3600
    return f" ({hours / 24:,.1f} d ago)" if hours >= 48 else f" ({hours:,.1f} h ago)"


def show_rebuild(console: Console, report: RebuildReport) -> None:
    """Print the report of a rebuild."""
    facts = [
        ("archive", report.archive),
        ("checkpoint", f"was {report.checkpoint_was}"),
        ("live outputs", f"{report.live:,}"),
        ("watermark", _seconds(report.coverage.watermark) if report.coverage.watermark else "none"),
        ("gaps, lost images", f"{len(report.gaps):,}, {len(report.lost_images):,}"),
        ("took", f"{report.seconds:,.1f} s, {report.source_requests:,} requests to the source"),
    ]
    console.print(_verdict(report.outcome), _facts(facts))
    _print_sentences(console, report.explain())


def show_verify(console: Console, report: VerifyReport) -> None:
    """Print the report of a verify."""
    speed = f", {report.checked / report.seconds:,.0f} images per second" if report.seconds else ""
    facts = [
        ("archive", report.archive),
        ("level", report.level + (f", budget {report.budget}" if report.budget else "")),
        ("checked", f"{report.checked:,} images, {decimal(report.bytes)} read"),
        ("findings", f"{len(report.findings):,}, {len(report.findings) - report.unrepaired:,} of them repaired"),
        ("took", f"{report.seconds:,.1f} s{speed}, {report.store_requests:,} requests to the store"),
    ]
    console.print(_verdict(report.outcome), _facts(facts))
    _print_sentences(console, report.explain())


def show_restore(console: Console, report: RestoreReport) -> None:
    """Print the report of a restore."""
    facts = [
        ("archive", report.archive),
        ("to", "a scratch folder, removed" if report.drill else report.to),
        ("selected", f"{report.selected:,} images, {decimal(report.selected_bytes)}"),
        ("restored, there, failed", f"{report.restored:,}, {report.skipped:,}, {report.failed:,}"),
        ("took", f"{report.seconds:,.1f} s, {_bytes_per_second(report)}"),
    ]
    console.print(_verdict(report.outcome), _facts(facts))
    _print_sentences(console, report.explain())


def show_refresh(console: Console, report: RefreshReport) -> None:
    """Print the report of a refresh."""
    facts = [
        ("archive", report.archive),
        (
            "read",
            f"{report.read:,} outputs in {counted(report.slices, 'slice')}, "
            f"{counted(report.source_requests, 'request')} to the source",
        ),
        ("missing, changed, deleted", f"{report.new:,}, {report.refreshed:,}, {report.tombstoned:,}"),
        ("copied", f"{report.copied:,} images, {decimal(report.bytes)}"),
        ("took", f"{report.seconds:,.1f} s"),
    ]
    console.print(_verdict(report.outcome), _facts(facts))
    _print_sentences(console, report.explain())


def show_publish(console: Console, report: PublishReport) -> None:
    """Print the report of a publish."""
    facts = [
        ("archive", report.archive),
        ("table", report.table),
        (
            "written",
            f"{len(report.days):,} of {report.total:,} days, {report.rows:,} rows, {counted(report.commits, 'commit')}",
        ),
    ]
    console.print(_verdict(report.outcome), _facts(facts))
    _print_sentences(console, report.explain())


def show_forget(console: Console, report: ForgetReport) -> None:
    """Print the report of a forget."""
    facts = [
        ("archive", report.archive),
        (
            "chosen",
            f"{report.count:,} of {report.archived:,} outputs, by {report.selection.replace('_', ' ')}"
            if report.selection
            else "nothing",
        ),
        (
            "deleted",
            f"{counted(sum(report.erased.values()), 'version')} of objects, {decimal(report.erased_bytes)} of images",
        ),
    ]
    console.print(_verdict(report.outcome), _facts(facts))
    _print_sentences(console, report.explain())


def _bytes_per_second(report: RestoreReport) -> str:
    return f"{decimal(int(report.bytes / report.seconds))} per second" if report.seconds else "in no time"


def _seconds(instant: datetime) -> str:
    """Write an instant for people, cut off to the second; `--json` has it exact."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _rate(report: RunReport) -> str:
    return f"{report.copied / report.seconds:,.0f} per second" if report.seconds else "in no time"


def sanitized(text: str, style: str = "") -> Text:
    """Return text from the source or the bucket as it is safe to print: one line, no markup.

    U+FFFD replaces each character that would move the cursor, change the colour or turn the direction.
    """
    return Text("".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in text), style=style)


def _verdict(outcome: str) -> Text:
    return Text(outcome.upper(), style=_STYLES.get(outcome, "bold"))


def _facts(facts: list[tuple[str, str]]) -> Table:
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in facts:
        table.add_row(name, sanitized(text))
    return table


def _print_sentences(console: Console, sentences: Sequence[str]) -> None:
    # On a terminal, lines break between words; in a log, each sentence is one line.
    for sentence in sentences:
        console.print(sanitized(sentence), soft_wrap=not console.is_terminal)
