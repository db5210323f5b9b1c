"""The command line as a whole, and the one place where what fails becomes words and an exit code."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from .. import __version__
from ..errors import ConfigurationError
from .context import CliContext
from .exits import Exit, Redaction, document_of, exit_of, traceback_of
from .rebuild import rebuild
from .rendering import sanitized
from .run import run
from .simulate import simulate
from .status import status

# Typer keeps the class of its usage errors to itself; BadParameter is one of them.
_UsageError: Any = typer.BadParameter.__mro__[1]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
for command in (run, status, rebuild, simulate):
    app.command()(command)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"stablecog-archive {__version__}")
        raise typer.Exit


@app.callback(
    invoke_without_command=True,
    epilog="Exit codes: 0 done and proven; 3 done, but some images failed or the proof differs; 2 bad settings; 1 anything "
    "else; 130 interrupted.",
)
def _top(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Archive a Stablecog account's generation outputs to S3, with a manifest and a proof that nothing is missing.

    The API key is read from STABLECOG_API_KEY, the store's credentials from the standard AWS_* variables, profiles and roles.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(Exit.SETTINGS)


def main(arguments: Sequence[str] | None = None, cli_context: CliContext | None = None) -> int:
    """Run one command and return its exit code. Raises nothing: a failure is told on stderr, or on stdout as JSON."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    cli = cli_context or CliContext()
    command = typer.main.get_command(app)
    try:
        # Not Typer's own `main`: what it makes of an interruption differs from version to version.
        with command.make_context("stablecog-archive", list(typed), obj=cli) as context:
            return int(command.invoke(context) or Exit.DONE)
    except typer.Exit as left:
        return left.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _print_interruption(typed, cli)
    except _UsageError as error:
        usage = ConfigurationError(error.format_message(), hint="`stablecog-archive COMMAND --help` names the options")
        return _print_error(usage, typed, cli)
    except Exception as error:
        return _print_error(error, typed, cli)


def script() -> NoReturn:
    """`main` as a process, which ends with its exit code and nothing else.

    It leaves Python's finalization out: a thread of obstore's that asks for the GIL during it aborts the process up to
    CPython 3.13 (python/cpython#87135), and the exit code of a run whose work is safe and proven would be 134.
    """
    _open_what_is_closed()
    code = main()
    logging.shutdown()
    os._exit(_flushed(code))


def _open_what_is_closed() -> None:
    """Started with a standard stream closed, the next socket would take its place, which uvloop answers with an abort."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _flushed(code: int) -> int:
    """`code`, unless what was told did not arrive."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError) as error:
            code = code or Exit.OTHER
            with suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(f"error: what is told could not be written: {error}\n")
                sys.stderr.flush()
    return code


def _print_error(error: Exception, typed: list[str], cli: CliContext) -> int:
    hide = Redaction(cli.environ)
    document = document_of(error, hide)
    if "--debug" in typed:
        cli.err.writelines(f"{sanitized(line)}\n" for line in traceback_of(error, hide).splitlines())
    if "--json" in typed:
        cli.out.write(json.dumps(document) + "\n")
    else:
        console = Console(file=cli.err, soft_wrap=True)
        console.print(sanitized(f"error: {document['kind']}: {document['error']}", style="bold red"))
        if document["hint"]:
            console.print(sanitized(f"what to do: {document['hint']}"))
    return exit_of(error)


def _print_interruption(typed: list[str], cli: CliContext) -> int:
    told = "interrupted; nothing is lost: what was committed stays, and the next run goes on from there"
    if "--json" in typed:
        cli.out.write(json.dumps({"error": "interrupted", "hint": told, "kind": "KeyboardInterrupt"}) + "\n")
    else:
        cli.err.write(told + "\n")
    return Exit.INTERRUPTED
