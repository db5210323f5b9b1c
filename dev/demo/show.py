"""The demo's tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .numbers import Answer


@dataclass(frozen=True, slots=True)
class Paging:
    """`listed`: outputs of the source. `seen`: those that a client receives if it follows `next`."""

    listed: int
    seen: int


_COUNTS = {
    "read": "outputs read",
    "copied": "images copied",
    "bytes": "bytes copied",
    "refreshed": "rows refreshed",
    "tombstoned": "deleted at the source",
    "failed": "failed",
    "source_requests": "API requests",
    "seconds": "seconds",
}


def show_runs(console: Console, reports: dict[str, dict[str, Any]]) -> None:
    """Print one column per run."""
    table = Table(title="What was archived", box=box.SIMPLE_HEAD, title_style="bold")
    table.add_column()
    for title in reports:
        table.add_column(title, justify="right")
    for name, label in _COUNTS.items():
        table.add_row(label, *(_number(name, report[name]) for report in reports.values()))
    console.print(table)


def show_proof(console: Console, report: dict[str, Any], paging: Paging) -> None:
    """Print the verdict of the last run, and what a client without proof would have missed."""
    colour = {"proven": "green", "not proven": "red"}.get(report["outcome"], "yellow")
    text = Text("\n".join(report["explanation"]))
    text.append(
        f"\n\nFor comparison: a client that follows `next`, as the API documentation suggests, received {paging.seen:,} of "
        f"the {paging.listed:,} outputs of the first day. It had no sign that {paging.listed - paging.seen:,} were missing.",
        style="dim",
    )
    console.print(Panel(text, title=f"The proof: {report['outcome']}", border_style=colour, title_align="left"))


def show_answer(console: Console, title: str, answer: Answer, bar: str | None = None) -> None:
    """Print a query's result. The column `bar` is also drawn as bars."""
    table = Table(title=f"{title}  (DuckDB on the manifest)", box=box.SIMPLE_HEAD, title_style="bold")
    for column in answer.columns:
        table.add_column(
            column.replace("_", " "), justify="right" if _is_numeric(answer, column) else "left", no_wrap=True
        )
    position = answer.columns.index(bar) if bar else None
    most = max((row[position] for row in answer.rows), default=0) if position is not None else 0
    if most:
        table.add_column("", style="cyan")
    for row in answer.rows:
        cells = [_number(name, value) for name, value in zip(answer.columns, row, strict=True)]
        if most and position is not None:
            cells.append("█" * max(1, round(24 * row[position] / most)))
        table.add_row(*cells)
    console.print(table)


def show_places(console: Console, address: str, sizes: dict[str, tuple[int, int]], folders: dict[str, Path]) -> None:
    """Print where everything is: in the bucket and on this disk."""
    table = Table(title="Where things are", box=box.SIMPLE_HEAD, title_style="bold")
    for column, side in (("place", "left"), ("objects", "right"), ("size", "right")):
        table.add_column(column, justify=side, overflow="fold")  # type: ignore[arg-type]
    for folder, (count, size) in sizes.items():
        table.add_row(f"{address}/{folder}", f"{count:,}", decimal(size))
    for label, path in folders.items():
        table.add_row(Text.assemble(str(path), (f"  {label}", "dim")), "", "")
    console.print(table)


def show_next(console: Console, commands: dict[str, str]) -> None:
    """Print commands to try next, each with a sentence, ready to be copied."""
    console.print(Text("Next steps", style="bold"))
    for sentence, command in commands.items():
        console.print(Text(sentence, style="dim"))
        console.print(Text(f"  {command}", style="cyan"), soft_wrap=True)


def _is_numeric(answer: Answer, column: str) -> bool:
    position = answer.columns.index(column)
    return all(isinstance(row[position], int | float) for row in answer.rows)


def _number(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if "bytes" in name:
        return decimal(int(value))
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
