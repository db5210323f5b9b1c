"""The event loop of the command line: uvloop where it is installed, asyncio's own elsewhere (uvloop has no Windows).

What it saves of a copy stands in docs/performance.md. Not for Airflow's tasks: their `execution_timeout` is an exception raised
in a signal handler, and uvloop, while it waits, logs such an exception and goes on waiting (seen with uvloop 0.23).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, Ctrl-C included, on the fastest loop there is."""
    with asyncio.Runner(loop_factory=_fastest()) as runner:
        return runner.run(main)


def _fastest() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """None is asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
