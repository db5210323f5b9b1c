"""Starts and ends the process of `stablecog-archive`. Answers `--version` before anything large is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from ..version import COMMAND

if TYPE_CHECKING:
    from .context import CliContext


def main(arguments: Sequence[str] | None = None, cli_context: CliContext | None = None) -> int:
    """Run one command and return its exit code. Raises nothing: an error is printed on stderr, or on stdout as JSON."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    if typed == ["--version"]:
        out = cli_context.out if cli_context else sys.stdout
        if out is not None:
            out.write(f"{COMMAND}\n")
        return 0
    from .app import run_command
    from .context import CliContext

    return run_command(typed, cli_context or CliContext())


def script() -> NoReturn:
    """Run `main` and end the process with its exit code.

    Skips Python's finalization: up to CPython 3.13, an obstore thread that asks for the GIL then aborts the process
    (python/cpython#87135), and a run whose work is saved and proven would exit with 134.
    """
    _replace_closed_streams()
    # Keeps httpx from importing its own command line, and with it click and pygments. httpx allows for its absence.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    code = main()
    if logging := sys.modules.get("logging"):
        logging.shutdown()
    os._exit(_flushed(code))


def _replace_closed_streams() -> None:
    """Open /dev/null for each closed standard stream. Else the next socket takes its number, and uvloop aborts."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _flushed(code: int) -> int:
    """Return `code`, or 1 if the output could not be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError) as error:
            code = code or 1
            with suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(f"error: the output could not be written: {error}\n")
                sys.stderr.flush()
    return code
