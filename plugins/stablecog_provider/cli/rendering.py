"""Prints reports for people: a verdict, a table, sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from ..archive.reports.estimate import EstimateReport
from ..archive.reports.forget import ForgetReport
from ..archive.reports.rebuild import RebuildReport
from ..archive.reports.run import RunReport
from ..archive.reports.verify import VerifyReport
from ..archive.status import ArchiveStatus

_STYLES = {
    "proven": "bold green",
    "proven, with failed images": "bold yellow",
    "proven, in part": "bold yellow",
    "not proven": "bold red",
    "rebuilt": "bold green",
    "rebuilt, with gaps": "bold yellow",
    "intact": "bold green",
    "repaired": "bold yellow",
    "damaged": "bold red",
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


def show_status(console: Console, status: ArchiveStatus) -> None:
    """Print the state of an archive, and the report of its last run."""
    facts = [
        ("archive", status.archive),
        ("source", status.source),
        ("live outputs", f"{status.live:,} on {status.days:,} days"),
        ("watermark", _seconds(status.watermark) if status.watermark else "none yet"),
        ("saved at", _seconds(status.saved_at) if status.saved_at else "unknown"),
    ]
    console.print(_verdict(status.outcome), _facts(facts))
    _print_sentences(console, status.explain())
    if status.last_run:
        last = status.last_run
        console.print()
        console.print(sanitized(f"Last run {last.run_id}, started at {last.started_at}: {last.outcome}", style="bold"))
        _print_sentences(console, last.explanation)


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


def show_forget(console: Console, report: ForgetReport) -> None:
    """Print the report of a forget."""
    facts = [
        ("archive", report.archive),
        (
            "chosen",
            f"{report.count:,} of {report.archived:,} outputs"
            + (f", by {report.selection}" if report.selection else ""),
        ),
        ("deleted", f"{sum(report.erased.values()):,} versions of objects, {decimal(report.erased_bytes)} of images"),
    ]
    console.print(_verdict(report.outcome), _facts(facts))
    _print_sentences(console, report.explain())


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
