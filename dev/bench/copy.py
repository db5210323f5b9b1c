"""Compares copying with other tools: whole processes against the same two servers on this machine, in several rounds.

`make bench`, or `python -m dev.bench.copy [--rounds N] [--quick] [--json]`. Markdown tables or JSON go to stdout, progress
to stderr. Exit code 2 if a program is missing, 1 if our own tool did not copy all. The machine should be idle otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import contenders
from .contenders import BUCKET, Contender, Task
from .exit_codes import exit_code, log
from .images import ImageSet
from .limits import raw_limit
from .process_usage import RunFailed, run_whole
from .results import Attempt, Results, machine
from .servers import Ends, memory, program, serving
from .tables import tables

SMALL = ImageSet("small", 2000, 110_000)
LARGE = ImageSet("large", 100, 5_000_000, 0.1)
WRK_SECONDS, QUICK_WRK_SECONDS = 4.0, 2.0


def main() -> int:
    arguments = _arguments()
    return exit_code(lambda: _measure_all(arguments))


def _measure_all(arguments: argparse.Namespace) -> None:
    program("wrk")
    with (
        tempfile.TemporaryDirectory(prefix="copy-benchmark-", dir=memory()) as folder,
        serving(Path(folder)) as ends,
    ):
        assert ends.secure is not None  # noqa: S101
        chosen = (SMALL,) if arguments.quick else (SMALL, LARGE)
        found = [_measure(each, images, arguments) for images in chosen for each in (ends, ends.secure)]
    if arguments.json:
        document = {"machine": machine(), "sets": [results.to_document() for results in found]}
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    else:
        sys.stdout.write(f"{machine()}\n\n" + "\n".join(tables(results) for results in found))
    if trouble := next(filter(None, (results.trouble(contenders.OURS.name) for results in found)), None):
        raise RunFailed(f"ours: {trouble}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.bench.copy", description="Compare copying with other tools.")
    parser.add_argument("--rounds", type=int, default=5, help="number of runs per contender (5)")
    parser.add_argument("--times", type=int, default=1, help="number of keys that each image is copied to (1)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="contenders whose name contains one of these")
    parser.add_argument("--quick", action="store_true", help="two rounds, small images only")
    parser.add_argument("--json", action="store_true", help="JSON instead of tables")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds = min(arguments.rounds, 2)
    return arguments


def _measure(ends: Ends, images: ImageSet, arguments: argparse.Namespace) -> Results:
    """Run all rounds with one set of images. Each round starts with another contender: order may matter."""
    lengths = images.write(ends.images)
    jobs, nothing, body = (ends.folder / name for name in ("jobs.csv", "nothing.csv", "body"))
    copies = [(name, f"{time}-{name}") for time in range(arguments.times) for name in lengths]
    jobs.write_text("".join(f"{ends.origin}/{name},{key}\n" for name, key in copies))
    nothing.write_text("")
    body.write_bytes(bytes(images.mean))
    results = Results(images.name, ends.scheme, len(copies), sum(lengths.values()) * arguments.times)
    chosen = [one for one in contenders.ALL if not arguments.only or any(word in one.name for word in arguments.only)]
    for number in range(arguments.rounds):
        log(f"{images.name} images over {ends.scheme}, round {number + 1} of {arguments.rounds}")
        for contender in chosen[number % len(chosen) :] + chosen[: number % len(chosen)]:
            attempt = _attempt(ends, contender, jobs, nothing, sorted(list(lengths.values()) * arguments.times))
            results.attempts.setdefault(contender.name, []).append(attempt)
            results.notes[contender.name] = contender.note
            log(f"  {contender.name}: {attempt.summary(len(copies))}")
        ends.empty()
        with contextlib.suppress(RunFailed):
            results.limits.append(raw_limit(ends, images, body, QUICK_WRK_SECONDS if arguments.quick else WRK_SECONDS))
            log(f"  raw limit: {results.limits[-1].both:.0f} images/s")
    return results


def _attempt(ends: Ends, contender: Contender, jobs: Path, nothing: Path, lengths: list[int]) -> Attempt:
    """Run one contender once, and again with nothing to copy, which measures its start-up."""
    if not contender.installed:
        return Attempt(trouble="not installed")
    log = ends.folder / "contender.log"
    try:
        idle = None
        if contender.stores:
            with _scratch(ends) as scratch:
                idle = run_whole(*contender.call(Task(nothing, ends.sink, scratch, ends.authority)), log)
        ends.empty()
        with _scratch(ends) as scratch:
            cost = run_whole(*contender.call(Task(jobs, ends.sink, scratch, ends.authority)), log)
            requests = ends.requests()
            stored = ends.sizes(ends.stored / BUCKET) if contender.stores else ends.sizes(scratch, "*.jpg")
    except RunFailed as failure:
        return Attempt(trouble=str(failure))
    if sorted(stored) != lengths:
        return Attempt(trouble=f"stored {len(stored)} of {len(lengths)} images completely")
    return Attempt(cost, idle, requests)


@contextlib.contextmanager
def _scratch(ends: Ends) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=ends.folder) as folder:
        yield Path(folder)


if __name__ == "__main__":
    sys.exit(main())
