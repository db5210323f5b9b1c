"""`python docs/figures/demo.py` runs the demo and draws `demo.svg`, the README's picture, from what it prints."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from dev.demo import story  # noqa: E402
from dev.demo.show import show_answer  # noqa: E402
from dev.local.children import raise_on_signals  # noqa: E402

SHOWN = "By kind of image"
FONTS = re.compile(r"\s*@font-face \{.*?\n    \}", re.DOTALL)


def main() -> None:
    # A picture has room for the runs, the proof, and one query.
    def show_one(console: Console, title: str, *more: Any, **named: Any) -> None:
        if title == SHOWN:
            show_answer(console, title, *more, **named)

    def show_nothing(*_: object) -> None:
        pass

    folders = story.Folders(ROOT, ROOT / ".demo")
    folders.clean()
    raise_on_signals()
    console = Console(record=True, width=104, highlight=False, force_terminal=True, force_interactive=False)
    with patch.multiple(story, show_answer=show_one, show_places=show_nothing, show_next=show_nothing):
        story.play(console, folders)
    # Without the fonts that rich would have a viewer download.
    svg = FONTS.sub("", console.export_svg(title="make demo"))
    (Path(__file__).parent / "demo.svg").write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")


if __name__ == "__main__":
    main()
