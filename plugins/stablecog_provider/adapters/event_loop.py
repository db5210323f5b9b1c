"""The event loop that a whole run lives in: uvloop where it is installed, asyncio's own elsewhere (uvloop has no Windows).

Every Airflow 3 has uvloop, by uvicorn; what it saves of a copy stands in docs/performance.md.
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
