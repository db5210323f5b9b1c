"""The checkpoint in the bucket: read, changed by a function, written by compare-and-swap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from ...errors import ArchiveDamaged, ArchiveTooNew, StoreUnavailable
from ...model.checkpoint import REBUILD, Checkpoint
from ...model.object_keys import Layout
from ..ports import Absent, Conflict, ObjectStore, Unchanged
from ..resilience.retry import RetryPolicy, Sleep
from .change_log import ChangeLog

RACES = RetryPolicy(attempts=12, first_wait=0.05, longest_wait=2.0, jitter=0.2, on=(StoreUnavailable,))
"""A lost race costs one more reading and writing of a small object."""

Change = Callable[[Checkpoint], Checkpoint]


@dataclass(slots=True)
class Assigned:
    """Knowledge that a change assigns. It was read when `CheckpointFile.readings` was `as_of`; if the checkpoint was read since,
    another run may have saved newer knowledge, and `look_again` must read it anew.
    """

    as_of: int
    look_again: Callable[[], Awaitable[None]]


class CheckpointFile:
    """`current` is what this run last read or wrote; None if the bucket has none. `readings`: how often it was read, so that who
    assigns knowledge can tell whether another run may have saved newer knowledge in the meantime. `changes`: records every change
    of a partition before a checkpoint names it; `run_id`: whose they are.
    """

    def __init__(self, store: ObjectStore, layout: Layout, sleep: Sleep = asyncio.sleep, *, run_id: str = "") -> None:
        self._store, self._layout, self._sleep = store, layout, sleep
        self._version: str | None = None
        self._stale = False
        self._unreadable: bytes | None = None
        self.changes = ChangeLog(store, layout, run_id, sleep)
        self.current: Checkpoint | None = None
        self.readings = 0
        self._has_been_there = False
        # Commits and notes of one process run side by side. The store's condition protects from other processes alone: it
        # compares with the version that this object read or wrote last, whoever of them did.
        self._one_at_a_time = asyncio.Lock()

    async def load(self) -> Checkpoint | None:
        """Raises ArchiveDamaged if it cannot be read, or is missing from a bucket that holds a manifest or images."""
        await self._read()
        if self.current is None and (held := await self._holds()):
            # Another run may have begun between the two reads: its checkpoint exists before its first row.
            await self._read()
            if self.current is None:
                raise ArchiveDamaged(f"{self._layout} holds {held} but no checkpoint.json", hint=REBUILD)
        return self.current

    async def salvage(self) -> ArchiveDamaged | None:
        """As `load`, for whoever is about to replace it: returns why it cannot be read instead of raising it; None if it can
        be read or is missing. Raises ArchiveTooNew.
        """
        try:
            await self._read()
        except ArchiveTooNew:
            raise
        except ArchiveDamaged as error:
            return error
        return None

    async def replace(self, checkpoint: Checkpoint, aside: str) -> None:
        """Put `checkpoint` in the place of what was read last. What could not be read is kept at `aside`.

        Raises StoreUnavailable if another run wrote it in the meantime.
        """
        if self._unreadable is not None:
            await self._store.put(aside, self._unreadable, content_type="application/octet-stream")
        if not await self._swap(checkpoint):
            raise self._overtaken()

    async def amend_once(self, change: Change) -> None:
        """Save `change(what was read last)`; does nothing if the bucket had no readable checkpoint.

        Raises StoreUnavailable if another run wrote it in the meantime.
        """
        if self.current is not None and not await self._swap(change(self.current)):
            raise self._overtaken()

    async def update(self, change: Change, start: Checkpoint, assigned: Assigned | None = None) -> Checkpoint:
        """Save `change(what the bucket holds)`, or `change(start)` if it holds none. `change` may be applied again to a newer
        checkpoint, so it must add knowledge. If it assigns some, pass it as `assigned`. Raises StoreUnavailable after too many
        lost races.
        """

        async def attempt() -> Checkpoint:
            async with self._one_at_a_time:
                return await self._attempt(change, start, assigned)

        return await RACES.call(attempt, self._sleep)

    async def _attempt(self, change: Change, start: Checkpoint, assigned: Assigned | None) -> Checkpoint:
        if self._stale:
            await self._read()
        if assigned and assigned.as_of != self.readings:
            # The checkpoint comes first: what is read after it is at least as new as what the checkpoint says.
            readings = self.readings
            await assigned.look_again()
            assigned.as_of = readings
        wanted = change(self.current or start)
        if wanted == self.current:
            return wanted
        if not await self._swap(wanted):
            raise StoreUnavailable(
                f"{self._layout.checkpoint}: other runs changed it each time before this run could write it"
            )
        return self.current or wanted

    async def _swap(self, wanted: Checkpoint) -> bool:
        """Put `wanted` in the place of what was read last; returns False if something else is there by now."""
        before, known = self.current.partitions if self.current else {}, self.current or wanted
        number = await self.changes.record(
            before, wanted.partitions, wanted.saved_at, max(known.changes_recorded, wanted.changes_recorded)
        )
        wanted = replace(wanted, changes_recorded=number)
        # Until the store confirms the write, its outcome is unknown: the next attempt reads before it writes.
        self._stale = True
        condition = Unchanged(self._version) if self._version else Absent()
        body = wanted.to_json()
        try:
            self._version = await self._store.put(
                self._layout.checkpoint, body, content_type="application/json", condition=condition
            )
        except Conflict:
            # The store client repeats a request whose response was lost: then the conflict is with our own write.
            found = await self._store.get(self._layout.checkpoint)
            if found is None or found.body != body:
                return False
            self._version = found.version
        self._stale, self.current, self._has_been_there = False, wanted, True
        return True

    def _overtaken(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"{self._layout.checkpoint} was changed by another run during the rebuild",
            hint="wait until no run is active, then rebuild again; nothing is lost",
        )

    async def _read(self) -> None:
        stored = await self._store.get(self._layout.checkpoint)
        if stored is None and self._has_been_there:
            # Seen with some stores: one 404 for an object that is there.
            stored = await self._store.get(self._layout.checkpoint)
            if stored is None:
                # One that began empty, in its place, would hide the loss.
                raise ArchiveDamaged(f"{self._layout.checkpoint} was lost while this run was at work", hint=REBUILD)
        self._has_been_there = stored is not None
        self.readings += 1
        self._version = stored.version if stored else None
        self._unreadable = stored.body if stored else None
        address = self._layout.uri(self._layout.checkpoint)
        self.current = Checkpoint.from_json(stored.body, address=address) if stored else None
        self._stale, self._unreadable = False, None

    async def _holds(self) -> str:
        """Return what an archive without a checkpoint holds, in words; empty if it holds nothing."""
        async for listed in self._store.list(self._layout.manifest):
            if self._layout.parse_partition(listed.key):
                return "a manifest"
        async for listed in self._store.list(self._layout.images):
            if self._layout.parse_image(listed.key):
                return "images"
        return ""
