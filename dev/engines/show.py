"""The tables that `make engines` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from .asked import REASONS, Asked
from .questions import SESSION, TITLES, Rows
from .snippets import Ran


def show(console: Console, asked: Sequence[Asked], right: Mapping[str, Rows]) -> None:
    """Print one row per engine and place, and one column per question."""
    table = Table(title="Ten questions to the manifest, compared with the rows themselves", box=box.SIMPLE_HEAD)
    for column in ("engine", "version", "place", *TITLES.values(), "dt is a", f"TZ={SESSION}", "new columns"):
        # Titles may wrap between words, but no cell.
        table.add_column(column, min_width=max(map(len, column.split())), no_wrap=column == "engine")
    for each in asked:
        place = "S3" if each.is_s3 else "folder"
        if each.reading is None:
            table.add_row(each.engine, "", place, *["-"] * len(TITLES), "", "", "")
            continue
        differ = {*each.differences(right)}
        table.add_row(
            each.engine,
            each.reading["version"],
            place,
            *("[red]differs[/]" if name in differ else "same" for name in TITLES),
            each.reading["dt"],
            "local" if each.reading["elsewhere"] else "UTC",
            "seen" if each.reading["new_columns"] else "option",
        )
    console.print(table)
    console.print(
        "dt is a: type of the partition column. new columns: those that the oldest partition lacks, by default."
    )
    console.print(f"TZ={SESSION}: what a plain date of created_at is while the process is in that time zone.")
    for each in asked:
        for line in _remarks(each, {*each.differences(right)}):
            console.print(f"{each.engine}, {'S3' if each.is_s3 else 'folder'}: {line}", markup=False, soft_wrap=True)


def _remarks(each: Asked, differ: set[str]) -> list[str]:
    if each.reading is None:
        return [(each.skipped and f"not asked: {each.skipped}") or f"FAILED: {each.trouble}"]
    return [
        *(f"{name} differs: {REASONS.get((each.engine, name), 'NOT EXPECTED')}" for name in sorted(differ)),
        *(f"{name} no longer differs: remove the reason" for name in sorted(each.known() - differ)),
    ]


def show_snippets(console: Console, snippets: Sequence[Ran]) -> None:
    """Print whether the snippets of docs/engines.md give the expected counts."""
    for each in snippets:
        console.print(f"snippet {each.name}: {each.trouble or 'as documented'}", markup=False, soft_wrap=True)
