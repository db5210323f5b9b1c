"""`make demo`: a simulated account, a real S3 server and the real DAG, with the result in tables.

Everything that it starts is stopped at the end, also on failure and on Ctrl-C. Files stay under `.demo/`, or in the folder
given as an argument: `python -m dev.demo FOLDER`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from ..local.children import StepFailed, raise_on_signals
from ..local.s3_server import ServerFailed
from .story import Folders, play

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    console = Console(highlight=False)
    folders = Folders(ROOT, Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / ".demo")
    folders.clean()
    raise_on_signals()
    try:
        play(console, folders)
    except StepFailed as failure:
        console.print(f"\n[bold red]The demo failed at: {failure.step}[/] ({failure.why})")
        if failure.log:
            console.print(f"[dim]Last lines of {failure.log}:[/]")
            console.print(failure.tail, markup=False, soft_wrap=True)
        return 1
    except ServerFailed as failure:
        console.print("\n[bold red]The demo failed at: the S3 server[/]")
        console.print(str(failure), markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("\nInterrupted. Everything that was started is stopped.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
