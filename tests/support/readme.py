"""Reads README.md for tests: fenced blocks marked `<!-- tested: NAME -->`, tables and sections."""

from __future__ import annotations

import re

from support.tree import ROOT

TEXT = (ROOT / "README.md").read_text()


def blocks(mark: str) -> list[str]:
    """Return the fenced blocks with this mark, in order."""
    return re.findall(rf"<!-- tested: {mark} -->\n```\w+\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def table_after(heading: str) -> list[list[str]]:
    """Return the rows of the first table after a line that starts with `heading`, without the table's header."""
    lines = TEXT[re.search(rf"^{re.escape(heading)}", TEXT, re.MULTILINE).end() :].splitlines()  # type: ignore[union-attr]
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows[2:]


def section(heading: str) -> str:
    """Return the text from a line that starts with `heading` up to the next heading."""
    found = re.search(rf"^{re.escape(heading)}.*?(?=^(?:## |\*\*`|\Z))", TEXT, re.DOTALL | re.MULTILINE)
    assert found, heading
    return found[0]
