"""An account and its bucket behind the sensor and the triggers, in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from stablecog_provider.adapters.settings import SourceSettings, StoreSettings
from stablecog_provider.model.object_keys import Layout
from support.scene import LAYOUT, Scene, SimulatedSource
from support.worlds import a_world

PLACE = {"bucket": LAYOUT.bucket, "prefix": LAYOUT.prefix}


class Watched:
    """A scene as `open_watch` opens it. `failures`: raised by the next looks, in turn. `given`: the settings of each look."""

    def __init__(self) -> None:
        self.scene = Scene(a_world(outputs=20, future=0))
        self.scene.clock.advance(timedelta(hours=1))
        self.failures: list[Exception] = []
        self.given: list[tuple[SourceSettings, StoreSettings, Layout]] = []
        self.sources: list[SimulatedSource] = []
        self.before_look: Callable[[], Any] = lambda: None

    def add_output(self) -> None:
        """Add an output that has settled."""
        self.scene.simulated.add(self.scene.clock.now(), self.scene.clock.now() + timedelta(seconds=9))
        self.scene.clock.advance(timedelta(minutes=10))

    @asynccontextmanager
    async def open(self, source: SourceSettings, store: StoreSettings, layout: Layout) -> AsyncIterator[Any]:
        self.given.append((source, store, layout))
        self.before_look()
        if self.failures:
            raise self.failures.pop(0)
        self.sources.append(SimulatedSource(self.scene.simulated, self.scene.dialect, self.scene.clock))
        yield self.sources[-1], self.scene.store, self.scene.clock
