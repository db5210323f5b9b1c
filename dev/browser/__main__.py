"""`make browser`: the page in Chromium, on its own and inside a real Airflow. Screenshots go to `.browser/shots`.

Exit code 0 if every check holds, 1 if not. `--only alone` or `--only airflow` runs one half.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
from pathlib import Path

from rich.console import Console

from ..local.children import StepFailed, raise_on_signals
from . import airflow_checks, checks
from .findings import run, show
from .places import alone, archive, inside_airflow
from .visitor import browser

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.browser", description=__doc__)
    parser.add_argument("--only", choices=("alone", "airflow"), help="one half")
    only = parser.parse_args().only
    console, folder = Console(highlight=False), ROOT / ".browser"
    for old in ("s3", "airflow", "shots", "previews", "logs"):
        shutil.rmtree(folder / old, ignore_errors=True)
    shots = folder / "shots"
    shots.mkdir(parents=True)
    raise_on_signals()
    found: list[tuple[str, list[str]]] = []
    try:
        with contextlib.ExitStack() as running:
            store, source = running.enter_context(archive(folder))
            window = running.enter_context(browser())
            if only != "airflow":
                with alone(folder, store, source) as place:
                    context = window.new_context()
                    context.new_page().goto(place.address)
                    state = context.storage_state()
                    found += run(console, "alone", [
                        ("looks right at every width", lambda: checks.looks(window, place, state, shots, "alone")),
                        ("can be read", lambda: checks.reads(window, place, state)),
                        ("its states", lambda: checks.states(window, place, state, shots, "alone")),
                        ("refuses strangers", lambda: checks.refuses(place)),
                    ])  # fmt: skip
            if only != "alone":
                with inside_airflow(folder, ROOT, store, source) as place:
                    states = {name: airflow_checks.log_in(window, place, name) for name in place.passwords}
                    found += run(console, "in Airflow", [
                        ("navigation, tabs, theme", lambda: airflow_checks.navigates(window, place, states["viewer"], shots)),
                        ("looks right at every width", lambda: checks.looks(window, place, states["op"], shots, "airflow")),
                        ("can be read", lambda: checks.reads(window, place, states["viewer"])),
                        ("an operator acts", lambda: airflow_checks.acts(window, place, states["op"], shots)),
                        ("a viewer only reads", lambda: airflow_checks.only_reads(window, place, states["viewer"])),
                        ("refuses strangers", lambda: checks.refuses(place)),
                    ])  # fmt: skip
    except StepFailed as failure:
        console.print(f"[bold red]{failure.step}: {failure.why}[/]")
        console.print(failure.tail, markup=False, soft_wrap=True)
        return 1
    show(console, found)
    return 1 if any(wrong for _, wrong in found) else 0


if __name__ == "__main__":
    sys.exit(main())
