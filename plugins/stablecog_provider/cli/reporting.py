"""How the commands work in the world that they open, and how they tell what came of it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from rich.console import Console

from ..adapters import event_loop
from ..archive.ports import Watcher, World
from .context import Surroundings
from .progress import watching


class Report(Protocol):
    """What a command is left with in the end."""

    @property
    def exit_code(self) -> int: ...

    def to_document(self) -> dict[str, Any]: ...


R = TypeVar("R", bound=Report)


def work(
    around: Surroundings,
    opened: Callable[[], AbstractAsyncContextManager[World]],
    act: Callable[[World, Watcher | None], Awaitable[R]],
    *,
    as_json: bool,
) -> R:
    """Open a world and act in it; people at a terminal see how far it is."""

    async def acted(watch: Watcher | None) -> R:
        async with opened() as world:
            return await act(world, watch)

    with watching(Console(file=around.err, quiet=as_json)) as watch:
        return event_loop.run(acted(watch))


def tell(around: Surroundings, report: R, show: Callable[[Console, R], None], *, as_json: bool) -> int:
    """Write the report to stdout, as one line of JSON or as `show` puts it for people; its exit code."""
    if as_json:
        around.out.write(json.dumps(report.to_document()) + "\n")
    else:
        show(Console(file=around.out), report)
    return report.exit_code
