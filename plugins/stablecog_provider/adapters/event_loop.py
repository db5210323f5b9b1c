"""The event loop of the command line: uvloop if it is installed, else asyncio's own (uvloop does not support Windows).

docs/performance.md has what it saves per copy. Not for Airflow's tasks: `execution_timeout` is an exception raised in a signal
handler, and uvloop logs such an exception while it waits and goes on waiting (seen with uvloop 0.23).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Like `asyncio.run`, Ctrl-C included, on the fastest loop available."""
    with asyncio.Runner(loop_factory=_fastest()) as runner:
        return runner.run(main)


def _fastest() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop factory, or None for asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
