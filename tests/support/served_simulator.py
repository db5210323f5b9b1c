"""Serves a simulator from a thread of its own, for tests that block while they use it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from stablecog_provider.simulator.server import Simulator


@contextmanager
def served(simulator: Simulator) -> Iterator[Simulator]:
    loop = asyncio.new_event_loop()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(loop.run_until_complete, simulator.start()).result(30)
        serving = thread.submit(loop.run_forever)
        try:
            yield simulator
        finally:
            loop.call_soon_threadsafe(loop.stop)
            serving.result(30)
            thread.submit(loop.run_until_complete, simulator.stop()).result(30)
            loop.close()
