"""README.md, SECURITY.md and docs/ as tests read them: fenced blocks with their marks, tables, sections, links.

A fenced block of a language that can run has a mark on the line before it: `<!-- tested: NAME -->`, or
`<!-- not tested: REASON -->`.
"""

from __future__ import annotations

import re
from pathlib import Path

from support.tree import ROOT

RUNNABLE = ("sh", "python", "sql", "json")
README, SECURITY = ROOT / "README.md", ROOT / "SECURITY.md"
# The reference is generated, and release steps are not for a test to run.
PAGES = [README, *sorted(page for page in (ROOT / "docs").rglob("*.md") if page.stem not in ("reference", "release"))]

_BLOCK = re.compile(r"^(?:<!-- (tested|not tested): ([^>]+) -->\n)?```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def page(name: str) -> str:
    """The text of a page of docs/, by its name without suffix."""
    return (ROOT / "docs" / f"{name}.md").read_text()


def marked(text: str) -> list[tuple[str, str, str, str]]:
    """Every fenced block of a text: `tested`, `not tested` or nothing; its name or reason; its language; its body."""
    return [(kind, name, language, body) for kind, name, language, body in _BLOCK.findall(text)]


def blocks(mark: str, pages: list[Path] | None = None) -> list[str]:
    """The blocks of README and docs/ that are marked `tested: MARK`, in order."""
    texts = [path.read_text() for path in pages or PAGES]
    return [body for text in texts for kind, name, _, body in marked(text) if (kind, name) == ("tested", mark)]


def block(mark: str) -> str:
    """The one block of README and docs/ so marked."""
    (found,) = blocks(mark)
    return found


def table_after(heading: str, text: str) -> list[list[str]]:
    """The rows of the first table after a line that begins with `heading`, without the table's own header."""
    lines = text[re.search(rf"^{re.escape(heading)}", text, re.MULTILINE).end() :].splitlines()  # type: ignore[union-attr]
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows[2:]


def names(heading: str, text: str) -> list[str]:
    """The code spans in the first cells of that table, in order."""
    return [name for row in table_after(heading, text) for name in re.findall(r"`([^`]+)`", row[0])]


def section(heading: str, text: str) -> str:
    """The text from a line that begins with `heading` up to the next heading of its kind."""
    found = re.search(rf"^{re.escape(heading)}.*?(?=^(?:## |\*\*`)|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, heading
    return found[0]


def anchors(text: str) -> set[str]:
    """The fragments by which a page's headings are linked, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(text: str) -> list[str]:
    """The targets of links and images that lead to this repository."""
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target for target in found if not re.match(r"[a-z]+:", target)]
