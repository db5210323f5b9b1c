"""The checkpoint in the bucket: read, changed by a function, written by compare-and-swap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ..errors import ArchiveDamaged, ConfigurationError, StoreUnavailable, UnsafeStore
from ..model.checkpoint import Checkpoint
from ..model.object_keys import Layout
from .ports import Absent, Conflict, ObjectStore, Unchanged
from .retry import RetryPolicy, Sleep

RACES = RetryPolicy(attempts=12, first_wait=0.05, longest_wait=2.0, jitter=0.2, on=(StoreUnavailable,))
"""A lost race costs one more reading and writing of a small object."""

Change = Callable[[Checkpoint], Checkpoint]
LookAgain = Callable[[], Awaitable[None]]


class CheckpointFile:
    """`current` is what this run last read or wrote; None where the bucket has none."""

    def __init__(self, store: ObjectStore, layout: Layout, sleep: Sleep = asyncio.sleep) -> None:
        self._store, self._layout, self._sleep = store, layout, sleep
        self._version: str | None = None
        self._stale = False
        self.current: Checkpoint | None = None

    async def load(self, source: str) -> Checkpoint | None:
        """Raises ArchiveDamaged where it cannot be read, or is missing from a bucket that holds a manifest, and
        ConfigurationError where it is another source's.
        """
        await self._read()
        if self.current is None and await self._holds_manifest():
            # Another run may have begun between the two looks: its checkpoint is there before its first row.
            await self._read()
            if self.current is None:
                raise ArchiveDamaged(
                    f"{self._layout} holds a manifest but no checkpoint.json",
                    way_out="restore the object (an earlier version, a backup); images and manifest are untouched",
                )
        if self.current is not None and self.current.source != source:
            raise ConfigurationError(
                f"{self._layout} is the archive of {self.current.source}, not of {source}",
                way_out="archive another source under another prefix",
            )
        return self.current

    async def update(self, change: Change, start: Checkpoint, look_again: LookAgain | None = None) -> Checkpoint:
        """Save `change(what the bucket holds)`, or `change(start)` where it holds none. `change` may be applied again to a
        newer checkpoint, so it must add knowledge; where it assigns some, `look_again` is awaited before, and must read
        afresh what is assigned. Raises StoreUnavailable after too many lost races.
        """
        return await RACES.call(lambda: self._attempt(change, start, look_again), self._sleep)

    async def _attempt(self, change: Change, start: Checkpoint, look_again: LookAgain | None) -> Checkpoint:
        if self._stale:
            await self._read()
            if look_again:
                await look_again()
        wanted = change(self.current or start)
        if wanted == self.current:
            return wanted
        # Until the store says that it was written, nothing is known: the next attempt looks before it writes.
        self._stale = True
        condition = Unchanged(self._version) if self._version else Absent()
        try:
            self._version = await self._store.put(
                self._layout.checkpoint, wanted.to_json(), content_type="application/json", condition=condition
            )
        except Conflict:
            raise StoreUnavailable(f"{self._layout.checkpoint}: another run keeps writing it first") from None
        self._stale, self.current = False, wanted
        return wanted

    async def _read(self) -> None:
        stored = await self._store.get(self._layout.checkpoint)
        self.current = Checkpoint.from_json(stored.body) if stored else None
        self._version = stored.version if stored else None
        self._stale = False

    async def _holds_manifest(self) -> bool:
        async for listed in self._store.list(self._layout.manifest):
            if self._layout.parse_partition(listed.key):
                return True
        return False


async def probe_store(store: ObjectStore, layout: Layout, run_id: str) -> None:
    """Two conditional creates of the same key: the second must be refused, or two runs could overwrite each other.

    Raises UnsafeStore.
    """
    key, refused = layout.probe(run_id), False
    await store.put(key, b"first", content_type="text/plain")
    try:
        await store.put(key, b"second", content_type="text/plain", condition=Absent())
    except Conflict:
        refused = True
    await store.delete(key)
    if not refused:
        raise UnsafeStore(
            f"the store of {layout} ignores conditional writes (If-None-Match): two runs at once could lose rows",
            way_out="use a store that honours them (AWS S3, SeaweedFS, MinIO, Ceph), or, if only ever one run is at work, "
            "allow it (--allow-unsafe-store)",
        )
