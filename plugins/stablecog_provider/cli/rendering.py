"""Reports as a person likes to read them."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from ..archive.reports.rebuild import RebuildReport
from ..archive.reports.run import RunReport
from ..archive.status import ArchiveStatus
from ..model.times import format_instant

_STYLES = {
    "proven": "bold green",
    "proven, with failed images": "bold yellow",
    "proven, in part": "bold yellow",
    "not proven": "bold red",
}
_STYLES |= {"rebuilt": "bold green", "rebuilt, with gaps": "bold yellow"}


def show_report(console: Console, report: RunReport) -> None:
    """Counts in a table, then what they mean in sentences."""
    facts = [
        ("archive", report.archive),
        (
            "read",
            f"{report.read:,} lines of the listing, repeats included, in {report.source_requests:,} requests "
            f"({report.walk or 'nothing to walk'})",
        ),
        ("copied", f"{report.copied:,} images, {decimal(report.bytes)}, {_rate(report)}"),
        ("refreshed", f"{report.refreshed:,} rows"),
        ("failed, gone, deleted now", f"{report.failed:,}, {report.gone:,}, {report.tombstoned:,}"),
        ("took", f"{report.seconds:,.1f} s"),
    ]
    console.print(_verdict(report.outcome), _facts(facts))
    _print_sentences(console, report.explain())


def show_status(console: Console, status: ArchiveStatus) -> None:
    """How the archive stands, and what its last run said."""
    facts = [
        ("archive", status.archive),
        ("source", status.source),
        ("live outputs", f"{status.live:,} on {status.days:,} days"),
        ("watermark", format_instant(status.watermark) if status.watermark else "none yet"),
        ("saved at", format_instant(status.saved_at) if status.saved_at else "unknown"),
    ]
    console.print(_verdict(status.outcome), _facts(facts))
    _print_sentences(console, status.explain())
    if status.last_run:
        last = status.last_run
        console.print()
        console.print(sanitized(f"The last run, {last.run_id}, began {last.started_at}: {last.outcome}", style="bold"))
        _print_sentences(console, last.explanation)


def show_rebuild(console: Console, report: RebuildReport) -> None:
    """What a rebuild found and did."""
    facts = [
        ("archive", report.archive),
        ("checkpoint", f"was {report.checkpoint_was}"),
        ("live outputs", f"{report.live:,}"),
        ("watermark", format_instant(report.coverage.watermark) if report.coverage.watermark else "none"),
        ("gaps, lost images", f"{len(report.gaps):,}, {len(report.lost_images):,}"),
        ("took", f"{report.seconds:,.1f} s, {report.source_requests:,} requests to the source"),
    ]
    console.print(_verdict(report.outcome), _facts(facts))
    _print_sentences(console, report.explain())


def _rate(report: RunReport) -> str:
    return f"{report.copied / report.seconds:,.0f} a second" if report.seconds else "at once"


def sanitized(text: str, style: str = "") -> Text:
    """What the source or the bucket may have written, as a person may see it: text and never markup, one line, and no
    character that moves the cursor, changes the colour or turns the direction (U+FFFD stands for it).
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
    # A terminal gets them broken between words; a log, a line each.
    for sentence in sentences:
        console.print(sanitized(sentence), soft_wrap=not console.is_terminal)
