"""Runs a use case for a command, and prints its report."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from rich.console import Console

from ..adapters import event_loop
from ..adapters.garbage import rarely_collected
from ..archive.ports import ProgressListener
from .context import CliContext
from .progress import progress_listener


class Report(Protocol):
    """What a use case returns."""

    @property
    def exit_code(self) -> int: ...

    def to_document(self) -> dict[str, Any]: ...


P = TypeVar("P")
R = TypeVar("R", bound=Report)


def execute(
    cli: CliContext,
    opened: Callable[[], AbstractAsyncContextManager[P]],
    act: Callable[[P, ProgressListener | None], Awaitable[R]],
    *,
    quiet: bool,
) -> R:
    """Open the ports, run a use case, and return its report. Progress goes to stderr, unless `quiet`."""

    async def acted(on_progress: ProgressListener | None) -> R:
        async with opened() as ports:
            # Only now, so that what the adapters imported is left out of every collection.
            with rarely_collected():
                return await act(ports, on_progress)

    with progress_listener(Console(file=cli.err, quiet=quiet)) as on_progress:
        return event_loop.run(acted(on_progress))


def print_report(
    cli: CliContext, report: R, show: Callable[[Console, R], None], *, as_json: bool, quiet: bool = False
) -> int:
    """Print the report on stdout, as one line of JSON or as `show` lays it out. Return its exit code. `quiet`: print no report
    that has nothing to act on.
    """
    if quiet and not report.exit_code:
        return 0
    if as_json:
        cli.out.write(json.dumps(report.to_document()) + "\n")
    else:
        show(Console(file=cli.out), report)
    return report.exit_code
