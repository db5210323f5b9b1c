"""The checkpoint in the bucket: read, changed by a function, written by compare-and-swap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from ...errors import ArchiveDamaged, ArchiveTooNew, ConfigurationError, StoreUnavailable, UnsafeStore
from ...model.checkpoint import REBUILD, Checkpoint
from ...model.object_keys import Layout
from ..ports import Absent, Conflict, ObjectStore, Unchanged
from ..resilience.retry import STORE_RETRIES, RetryPolicy, Sleep

RACES = RetryPolicy(attempts=12, first_wait=0.05, longest_wait=2.0, jitter=0.2, on=(StoreUnavailable,))
"""A lost race costs one more reading and writing of a small object."""
PROBING = replace(STORE_RETRIES, attempts=8)
"""A broken connection tells nothing, and asking again spoils nothing."""

Change = Callable[[Checkpoint], Checkpoint]
LookAgain = Callable[[], Awaitable[None]]


class CheckpointFile:
    """`current` is what this run last read or wrote; None where the bucket has none."""

    def __init__(self, store: ObjectStore, layout: Layout, sleep: Sleep = asyncio.sleep) -> None:
        self._store, self._layout, self._sleep = store, layout, sleep
        self._version: str | None = None
        self._stale = False
        self._unreadable: bytes | None = None
        self.current: Checkpoint | None = None

    async def load(self, source: str) -> Checkpoint | None:
        """Raises ArchiveDamaged where it cannot be read, or is missing from a bucket that holds a manifest, and
        ConfigurationError where it is another source's.
        """
        await self._read()
        if self.current is None and (held := await self._holds()):
            # Another run may have begun between the two looks: its checkpoint is there before its first row.
            await self._read()
            if self.current is None:
                raise ArchiveDamaged(f"{self._layout} holds {held} but no checkpoint.json", hint=REBUILD)
        self._check_source(source)
        return self.current

    async def salvage(self, source: str) -> ArchiveDamaged | None:
        """As `load`, for whoever is about to replace it: what cannot be read is returned instead of raised, and what is
        missing is None. Raises ArchiveTooNew and ConfigurationError.
        """
        try:
            await self._read()
        except ArchiveTooNew:
            raise
        except ArchiveDamaged as error:
            return error
        self._check_source(source)
        return None

    async def replace(self, checkpoint: Checkpoint, aside: str) -> None:
        """Put `checkpoint` in the place of what was read last. What could not be read is kept at `aside`."""
        if self._unreadable is not None:
            await self._store.put(aside, self._unreadable, content_type="application/octet-stream")
        condition = Unchanged(self._version) if self._version else Absent()
        try:
            await self._store.put(
                self._layout.checkpoint, checkpoint.to_json(), content_type="application/json", condition=condition
            )
        except Conflict:
            raise StoreUnavailable(
                f"{self._layout.checkpoint} was written by another run meanwhile",
                hint="wait until no run is at work, then rebuild again; nothing is lost",
            ) from None

    def _check_source(self, source: str) -> None:
        if self.current is not None and self.current.source != source:
            raise ConfigurationError(
                f"{self._layout} is the archive of {self.current.source}, not of {source}",
                hint="archive another source under another prefix",
            )

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
        self._version = stored.version if stored else None
        self._unreadable = stored.body if stored else None
        self.current = Checkpoint.from_json(stored.body) if stored else None
        self._stale, self._unreadable = False, None

    async def _holds(self) -> str:
        """What an archive without a checkpoint holds, in words; empty for nothing."""
        async for listed in self._store.list(self._layout.manifest):
            if self._layout.parse_partition(listed.key):
                return "a manifest"
        async for listed in self._store.list(self._layout.images):
            if self._layout.parse_image(listed.key):
                return "images"
        return ""


async def probe_store(store: ObjectStore, layout: Layout, run_id: str, sleep: Sleep = asyncio.sleep) -> None:
    """A create where an object is, and a change of a version that is no more: both must be refused, or two runs could
    overwrite each other. Raises UnsafeStore.
    """
    key = layout.probe(run_id)
    write = partial(store.put, key, content_type="text/plain")
    stale = await write(b"first")
    await write(b"second")
    conditions = {"If-None-Match": Absent(), "If-Match": Unchanged(stale)}
    ignored = [
        name
        for name, condition in conditions.items()
        if not await _refused(partial(PROBING.call, partial(write, b"third", condition=condition), sleep))
    ]
    await store.delete(key)
    if ignored:
        raise UnsafeStore(
            f"the store of {layout} ignores conditional writes ({', '.join(ignored)}): two runs at once could lose rows",
            hint="use a store that honours them (AWS S3, SeaweedFS, MinIO, Ceph; older Ceph does so without versioning "
            "only), or, if only ever one run is at work, allow it (--allow-unsafe-store)",
        )


async def _refused(write: Callable[[], Awaitable[object]]) -> bool:
    try:
        await write()
    except Conflict:
        return True
    return False
