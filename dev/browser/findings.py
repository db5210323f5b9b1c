"""What the checks found, and what they need. Imports no browser, so that the fast tests can."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

Check = tuple[str, Callable[[], list[str]]]
"""The name of a check, and what it finds wrong."""


def chromium() -> str:
    """The path of Chromium: CHROMIUM, or the first one on the PATH. Raises SystemExit with what to do."""
    found = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if not found:
        raise SystemExit("No Chromium was found. Install Debian's package `chromium`, or set CHROMIUM to its path.")
    return found


def run(console: Console, where: str, some: list[Check]) -> list[tuple[str, list[str]]]:
    """Run the checks, and return what each found wrong."""
    found = []
    for name, check in some:
        try:
            wrong = check()
        # What Playwright raises when something does not appear is a finding like the others.
        except Exception as error:
            wrong = [f"{type(error).__name__}: {str(error)[:400]}"]
        console.print(f"{where}: {name}: {'ok' if not wrong else f'{len(wrong)} wrong'}")
        found.append((f"{where}: {name}", wrong))
    return found


def show(console: Console, found: list[tuple[str, list[str]]]) -> None:
    """Print a line per check."""
    table = Table("check", "result")
    for name, wrong in found:
        table.add_row(name, "holds" if not wrong else "\n".join(wrong[:20]))
    console.print(table)
