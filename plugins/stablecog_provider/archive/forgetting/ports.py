"""What forgetting needs from outside, besides what other use cases need: versions of objects, and their deletion for good."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ..ports import Clock, Manifest, StoredObjects
from ..row_filter import RowFilter


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version of an object. `is_latest`: a reader of the key is given this one. `is_marker`: it marks a deletion, without
    bytes.
    """

    key: str
    version_id: str
    size: int = 0
    is_latest: bool = True
    is_marker: bool = False


@dataclass(frozen=True, slots=True)
class Lock:
    """What keeps a version of an object from being deleted. `until`: None for a legal hold, which has no end."""

    mode: str
    until: datetime | None


class ErasableObjects(StoredObjects, Protocol):
    """StoredObjects whose versions can be deleted for good. Needs permissions that no other use case has."""

    def all_versions(self, prefix: str) -> AsyncIterator[StoredVersion]:
        """List every version of every object below `prefix`, markers included; of a key the newest first. A bucket without
        versioning has one version per object.
        """

    async def erase(self, key: str, version_id: str) -> Lock | None:
        """Delete one version for good, if it exists. Returns what forbids it if that is a lock on this version."""


@dataclass(frozen=True, slots=True)
class ForgetPorts:
    """What forgetting needs from outside. `filter` makes a RowFilter of an expression; it raises ConfigurationError."""

    store: ErasableObjects
    manifest: Manifest
    clock: Clock
    filter: Callable[[str], RowFilter]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
