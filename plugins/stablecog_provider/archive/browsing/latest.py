"""The checkpoint as it is now. Every page needs it, and a page has dozens of pictures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

from ...errors import StoreUnavailable
from ...model.checkpoint import Checkpoint
from ...model.object_keys import Layout
from ..ports import ObjectStore
from ..resilience.retry import RetryPolicy, Sleep

BROWSE_RETRIES = RetryPolicy(attempts=2, patience=5.0, on=(StoreUnavailable,))
"""On top of the store client's own. Somebody waits for the page, and can ask again."""
FRESH = 2.0
"""Seconds for which the checkpoint is not looked at again."""


class LatestCheckpoint:
    """Reads the checkpoint at most every `fresh` seconds, and its bytes only if its version changed."""

    def __init__(
        self,
        store: ObjectStore,
        layout: Layout,
        *,
        fresh: float = FRESH,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._store, self._layout, self._fresh = store, layout, fresh
        self._monotonic, self._sleep = monotonic, sleep
        self._known: Checkpoint | None = None
        self._version = ""
        self._looked: float | None = None
        self._turn = asyncio.Lock()

    async def get(self) -> Checkpoint | None:
        """Return the checkpoint, None if there is none. Raises what the store raises, and ArchiveDamaged."""
        async with self._turn:
            if self._looked is None or self._monotonic() - self._looked >= self._fresh:
                await self._look()
                self._looked = self._monotonic()
        return self._known

    async def _look(self) -> None:
        key = self._layout.checkpoint
        if self._known is not None:
            seen = await BROWSE_RETRIES.call(partial(self._store.head, key), self._sleep)
            if seen is not None and seen.version == self._version:
                return
        stored = await BROWSE_RETRIES.call(partial(self._store.get, key), self._sleep)
        # Parsing takes tens of milliseconds for a thousand days.
        self._known = await asyncio.to_thread(Checkpoint.from_json, stored.body) if stored else None
        self._version = stored.version if stored else ""
