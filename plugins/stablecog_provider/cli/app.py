"""The command line as a whole, and the one place that turns errors into messages and exit codes."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ..errors import ConfigurationError
from ..version import COMMAND
from .commands import NAMES, NO_DECORATION, LazyGroup
from .context import CliContext
from .exits import Exit, Redaction, document_of, exit_of, traceback_of

PROGRAM = "stablecog-archive"
COMPLETE = "_STABLECOG_ARCHIVE_COMPLETE"
"""The environment variable through which a shell asks for completions."""

# Typer does not export the class of its usage errors; BadParameter is one of them.
_UsageError: Any = typer.BadParameter.__mro__[1]

app = typer.Typer(cls=LazyGroup, **NO_DECORATION)


def _print_version(context: typer.Context, asked: bool) -> None:
    if asked:
        context.obj.out.write(f"{COMMAND}\n")
        raise typer.Exit


@app.callback(
    invoke_without_command=True,
    epilog="Exit codes: 0 done and proven; 3 done, but images are missing, only a part is proven, or the counts differ; "
    "2 wrong settings; "
    "130 interrupted; 1 any other error.",
)
def _top(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Archive a Stablecog account's generation outputs to S3, with a manifest and a proof that nothing is missing.

    The API key is read from STABLECOG_API_KEY. The store's credentials come from the AWS_* variables, profiles and roles.

    Shell completion (bash, zsh, fish, PowerShell): run `stablecog-archive --install-completion` once.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(Exit.SETTINGS)


def run_command(typed: list[str], cli: CliContext) -> int:
    """Run what was typed and return the exit code. Raises nothing."""
    command: Any = typer.main.get_command(app)
    try:
        if instruction := cli.environ.get(COMPLETE):
            return _complete(command, instruction)
        # Not Typer's own `main`: versions of it differ in what they do after Ctrl-C.
        with command.make_context(PROGRAM, list(typed), obj=cli) as context:
            return int(command.invoke(context) or Exit.DONE)
    except typer.Exit as left:
        return left.exit_code
    except SystemExit as left:
        # How Typer ends after it has installed or shown the completion.
        return int(left.code or 0)
    except (KeyboardInterrupt, typer.Abort):
        return _print_interruption(typed, cli)
    except _UsageError as error:
        usage = ConfigurationError(error.format_message(), hint=_help_for(typed))
        return _print_error(usage, typed, cli)
    except BaseException as error:
        # obstore's panics, such as that of a machine without file descriptors, are no `Exception`.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        return _print_error(error, typed, cli)


def _help_for(typed: list[str]) -> str:
    """Return a hint that names the help of the typed command, or that of the program."""
    if typed and typed[0] in NAMES:
        return f"`{PROGRAM} {typed[0]} --help` lists the options"
    return f"`{PROGRAM} --help` lists the commands"


def _complete(command: Any, instruction: str) -> int:
    """Print what may be typed next, for the shell."""
    from typer.completion import shell_complete

    return shell_complete(command, {}, PROGRAM, COMPLETE, instruction)


def _print_error(error: BaseException, typed: list[str], cli: CliContext) -> int:
    from rich.console import Console

    from .rendering import sanitized

    hide = Redaction(cli.environ, typed)
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
    hint = "nothing is lost: committed work is kept, and the next run continues where this one stopped"
    if "--json" in typed:
        cli.out.write(json.dumps({"error": "interrupted", "hint": hint, "kind": "KeyboardInterrupt"}) + "\n")
    else:
        cli.err.write(f"interrupted; {hint}\n")
    return Exit.INTERRUPTED
