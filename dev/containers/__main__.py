"""`python -m dev.containers`: builds the images, runs the compose stack, proves what the files promise, and prints a table.

Exit codes: 0 if everything that could be tried holds, 1 if something does not, 2 if there is no engine. Logs, and podman's
images, stay under `.containers/`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from ..local.children import raise_on_signals
from .base_images import base_images
from .engines import Engine, StepFailed, docker
from .podman import PACKAGES, PROGRAMS, podman, serving
from .proofs import Proofs
from .stack import Stack

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".containers"
NO_ENGINE = (
    "No container engine: Docker's daemon does not answer, and podman is not complete or we are not root.\n"
    f"Start Docker, or as root: apt-get install {' '.join(sorted({*PROGRAMS.values(), *PACKAGES}))}\n"
    "Nothing was built or run. `make test` checks the files without an engine (tests/project/test_containers.py)."
)
WIDTH = 130


@dataclass(frozen=True, slots=True)
class Row:
    """Result of one proof: `held`, what was seen, and how long it took. `held` is None if it was not tried."""

    what: str
    held: bool | None
    seen: str
    seconds: float = 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.containers", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where logs and podman's images are kept")
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument("--only-build", action="store_true", help="build the images and do not run them")
    parts.add_argument("--skip-build", action="store_true", help="run the images of the last time")
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    folder: Path = options.folder.resolve()
    engine = docker(ROOT) or podman(ROOT, folder / "podman")
    if engine is None:
        console.print(NO_ENGINE, markup=False, soft_wrap=True)
        return 2
    raise_on_signals()
    rows: list[Row] = []
    try:
        untried = prove(console, engine, folder, rows, options.only_build, options.skip_build)
    except KeyboardInterrupt:
        console.print("\nInterrupted. What was started is stopped; volumes of the stack may be left.")
        return 130
    show(console, engine, rows, untried)
    return 0 if all(row.held for row in rows) else 1


def prove(
    console: Console, engine: Engine, folder: Path, rows: list[Row], only_build: bool, skip_build: bool
) -> tuple[str, ...]:
    """Append a row per proof. Return what could not be tried with this engine."""
    console.print(f"{engine.name} {engine.version}")
    try:
        bases = base_images(engine, folder)
    except StepFailed as failure:
        rows.append(Row("base images", False, str(failure)))
        console.print(f"FAILED: base images: {failure}", markup=False, soft_wrap=True)
        return engine.untried
    proofs = Proofs(engine, Stack(engine), bases.arguments)
    if not skip_build:
        play(console, proofs.builds(), rows)
    untried = (*engine.untried, *bases.untried)
    if only_build or not all(row.held for row in rows):
        return (*untried, "running the images")
    try:
        with serving(engine, folder / "podman") if engine.name == "podman" else contextlib.nullcontext():
            try:
                play(console, proofs.runs(), rows)
            finally:
                keep_logs(engine, folder)
                with contextlib.suppress(StepFailed):
                    proofs.stack.down("--volumes")
    except StepFailed as failure:
        rows.append(Row("serve podman's API", False, str(failure)))
    return untried


def play(console: Console, proofs: list[tuple[str, Callable[[], str]]], rows: list[Row]) -> None:
    """Carry out proofs until one fails. The others are reported as not tried, since each needs the ones before."""
    failed = False
    for what, proof in proofs:
        if failed:
            rows.append(Row(what, None, "not tried, because one before failed"))
            continue
        began = time.monotonic()
        try:
            row = Row(what, True, proof(), time.monotonic() - began)
        except (StepFailed, httpx.HTTPError, json.JSONDecodeError) as failure:
            failed = True
            row = Row(what, False, f"{failure}" or type(failure).__name__, time.monotonic() - began)
        rows.append(row)
        console.print(f"{'held' if row.held else 'FAILED'}: {what}: {row.seen}", markup=False, soft_wrap=True)


def keep_logs(engine: Engine, folder: Path) -> None:
    with contextlib.suppress(StepFailed):
        (folder / "compose.log").write_text(engine.compose("logs", "--no-color", "--timestamps"))


def show(console: Console, engine: Engine, rows: list[Row], untried: Sequence[str]) -> None:
    table = Table("proof", "result", "seen", "seconds", title=f"{engine.name} {engine.version}")
    for row in rows:
        result = {True: "holds", False: "FAILS", None: "not tried"}[row.held]
        table.add_row(row.what, result, row.seen.splitlines()[0] if row.seen else "", f"{row.seconds:.0f}")
    console.print(table)
    for each in untried:
        console.print(f"Not tried here: {each}.", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
