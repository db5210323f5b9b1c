"""README.md as tests read it: fenced blocks that carry a mark `<!-- tested: NAME -->`, tables, and code spans."""

from __future__ import annotations

import re

from support.tree import ROOT

TEXT = (ROOT / "README.md").read_text()


def blocks(mark: str) -> list[str]:
    """The fenced blocks so marked, in order."""
    return re.findall(rf"<!-- tested: {mark} -->\n```\w+\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def table_after(heading: str) -> list[list[str]]:
    """The rows of the first table after a line that begins with `heading`, its own header left out."""
    lines = TEXT[re.search(rf"^{re.escape(heading)}", TEXT, re.MULTILINE).end() :].splitlines()  # type: ignore[union-attr]
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows[2:]


def section(heading: str) -> str:
    """The text from a line that begins with `heading` up to the next heading of its kind."""
    found = re.search(rf"^{re.escape(heading)}.*?(?=^(?:## |\*\*`|\Z))", TEXT, re.DOTALL | re.MULTILINE)
    assert found, heading
    return found[0]
