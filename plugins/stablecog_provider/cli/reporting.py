"""How the commands work in the world that they open, and how they tell what came of it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from rich.console import Console

from ..adapters import event_loop
from ..archive.ports import Ports, ProgressListener
from .context import CliContext
from .progress import progress_listener


class Report(Protocol):
    """What a command is left with in the end."""

    @property
    def exit_code(self) -> int: ...

    def to_document(self) -> dict[str, Any]: ...


R = TypeVar("R", bound=Report)


def execute(
    cli: CliContext,
    opened: Callable[[], AbstractAsyncContextManager[Ports]],
    act: Callable[[Ports, ProgressListener | None], Awaitable[R]],
    *,
    as_json: bool,
) -> R:
    """Open a world and act in it; people at a terminal see how far it is."""

    async def acted(on_progress: ProgressListener | None) -> R:
        async with opened() as ports:
            return await act(ports, on_progress)

    with progress_listener(Console(file=cli.err, quiet=as_json)) as on_progress:
        return event_loop.run(acted(on_progress))


def print_report(cli: CliContext, report: R, show: Callable[[Console, R], None], *, as_json: bool) -> int:
    """Write the report to stdout, as one line of JSON or as `show` puts it for people; its exit code."""
    if as_json:
        cli.out.write(json.dumps(report.to_document()) + "\n")
    else:
        show(Console(file=cli.out), report)
    return report.exit_code
