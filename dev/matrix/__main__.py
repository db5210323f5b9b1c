"""`make matrix`: runs the tests in every environment, and prints one table. ARGS: `--only NAME`, repeatable; `--tests PATH`,
repeatable, instead of an environment's own folders.

Exit codes: 0 if every environment could be made and its tests passed; 1 if not.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from .environments import ENVIRONMENTS, ROOT, Environment, NotMade, make, said

SHOWN = ("apache-airflow", "apache-airflow-providers-amazon", "pyarrow", "httpx", "pydantic")
"""Packages whose version is in the table."""

OPTIONS = ("--numprocesses", "auto", "--maxprocesses", "4", "--dist", "loadgroup", "-m", "not long", "-W", "ignore")
"""Options of pytest. Warnings are ignored, because old versions of the dependencies warn about each other. In `make test`,
warnings are errors."""


@dataclass(frozen=True, slots=True)
class Tried:
    """`result`: pytest's last line, or why there is none. `versions`: CPython's, then those of `SHOWN`."""

    environment: Environment
    passed: bool
    result: str
    seconds: float
    versions: tuple[str, ...] = ()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.matrix", description=__doc__)
    names = [each.name for each in ENVIRONMENTS]
    parser.add_argument("--only", choices=names, action="append", help="this environment alone; repeatable")
    parser.add_argument("--tests", action="append", help="these tests instead of the environment's own; repeatable")
    asked = parser.parse_args()
    tried = [
        _try(each, asked.tests or each.tests) for each in ENVIRONMENTS if not asked.only or each.name in asked.only
    ]
    _show(tried)
    return 0 if all(each.passed for each in tried) else 1


def _try(environment: Environment, tests: Sequence[str]) -> Tried:
    began = time.monotonic()
    _say(f"== {environment.name}: CPython {environment.python}, {environment.what}\n")
    try:
        make(environment)
    except NotMade as failure:
        return Tried(environment, False, str(failure), time.monotonic() - began)
    command = [str(environment.interpreter), "-m", "pytest", *OPTIONS, *tests]
    environ = os.environ | {"PATH": f"{environment.interpreter.parent}{os.pathsep}{os.environ['PATH']}"}
    with subprocess.Popen(  # noqa: S603 (our own tests)
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environ
    ) as running:
        last = ""
        for line in running.stdout or ():
            _say(line)
            last = line.strip(" =\n") or last
    return Tried(environment, running.returncode == 0, last, time.monotonic() - began, tuple(_versions(environment)))


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _versions(environment: Environment) -> Iterator[str]:
    yield said(str(environment.interpreter), "sys.version.split()[0]")
    locked = environment.lock.read_text()
    for name in SHOWN:
        found = re.search(rf"^{re.escape(name)}==(\S+)", locked, re.MULTILINE)
        yield found[1] if found else "none"


def _show(tried: Sequence[Tried]) -> None:
    console = Console(highlight=False)
    console.width = max(console.width, 170)
    table = Table("environment", "CPython", *SHOWN, "tests", "seconds")
    for each in tried:
        versions = each.versions or ("?",) * (1 + len(SHOWN))
        table.add_row(each.environment.name, *versions, each.result, f"{each.seconds:.0f}")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
