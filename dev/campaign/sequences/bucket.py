"""The bucket of the world: objects with their history, one view per process, and what goes wrong between the two."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType

from stablecog_provider.adapters.memory import MemoryObject
from stablecog_provider.archive.ports import Absent, Condition, Conflict, Listed, Stored
from stablecog_provider.errors import ObjectInArchiveClass, StoreUnavailable

DAMAGE = b"PAR1 no more"
"""The body of a damaged partition."""


class Killed(BaseException):
    """The process ended here, without a chance to clean up."""


@dataclass(slots=True)
class Bucket:
    """`history`: every body that a key ever had, the latest last. `tampered`: images that the administrator deleted or cut off,
    with the object as it was. `rewritten`: image keys whose bytes one of our processes changed. `listing`: what the store
    lists while its listing lags; None if it does not. `unseen`: whether the administrator changed something that it does not
    show yet. `spelling`: how the listing spells an ETag. `frozen`: objects that a lifecycle rule moved to an archive class; they
    can be listed and overwritten, but not read.
    """

    objects: dict[str, MemoryObject] = field(default_factory=dict)
    history: defaultdict[str, list[MemoryObject]] = field(default_factory=lambda: defaultdict(list))
    tampered: dict[str, MemoryObject] = field(default_factory=dict)
    rewritten: list[str] = field(default_factory=list)
    listing: dict[str, MemoryObject] | None = None
    unseen: bool = False
    spelling: str = "{}"
    frozen: set[str] = field(default_factory=set)
    versions: int = 0

    def write(self, key: str, body: bytes, content_type: str = "", metadata: Mapping[str, str] | None = None) -> str:
        """Put an object there, whoever does it."""
        self.versions += 1
        self.frozen.discard(key)
        version = str(self.versions)
        self.objects[key] = MemoryObject(body, version, content_type, MappingProxyType(dict(metadata or {})))
        self.history[key].append(self.objects[key])
        return version

    def list_late(self) -> None:
        """From now on the listing shows what is there now, and no more."""
        if self.listing is None:
            self.listing = dict(self.objects)

    def list_all(self) -> None:
        self.listing, self.unseen = None, False

    def hides(self, key: str) -> bool:
        """Whether the object cannot be read."""
        return key in self.frozen or self.objects[key].body == DAMAGE

    def keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))

    def sha256(self, key: str) -> str | None:
        found = self.objects.get(key)
        return hashlib.sha256(found.body).hexdigest() if found else None


@dataclass(slots=True, kw_only=True)
class Trouble:
    """What one process meets at the store. Operations are counted from 1.

    `kill_at`: the operation at which the process ends, before it takes effect or `after`. `fail_at`: operations that end in an
    error; of those in `after`, the write took effect. `silent_retry`: conditional writes that take effect, and are then
    answered with 412. `stops_at`: the operation that waits until `resume` is set. `pauses`: how long it waits before each
    operation, in turns of the event loop; others go first meanwhile.
    """

    kill_at: int = 0
    after: bool = False
    fail_at: frozenset[int] = frozenset()
    silent_retry: frozenset[int] = frozenset()
    stops_at: int = 0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    resume: asyncio.Event = field(default_factory=asyncio.Event)
    pauses: Random | None = None


class View:
    """Port `ObjectStore`: the bucket as one process sees it."""

    address = "memory"

    def __init__(self, bucket: Bucket, trouble: Trouble | None = None) -> None:
        self.bucket, self.trouble = bucket, trouble or Trouble()
        self.requests = self.conditional = 0
        self.dead = False
        self._pauses = self.trouble.pauses or Random(bucket.versions)

    async def get(self, key: str) -> Stored | None:
        number = await self._begin()
        found = self.bucket.objects.get(key)
        if found and key in self.bucket.frozen:
            raise ObjectInArchiveClass(f"{key}: 403 InvalidObjectState", hint="restore the object")
        self._end(number)
        return Stored(found.body, found.version, found.metadata) if found else None

    async def head(self, key: str) -> Listed | None:
        number = await self._begin()
        found = self.bucket.objects.get(key)
        self._end(number)
        return Listed(key, len(found.body), found.version) if found else None

    async def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
        condition: Condition | None = None,
        sha256: str = "",
    ) -> str:
        number = await self._begin()
        current = self.bucket.objects.get(key)
        if condition is not None:
            self.conditional += 1
            expected = None if isinstance(condition, Absent) else condition.version
            if (current.version if current else None) != expected:
                raise Conflict(key)
        if "/images/" in key and current is not None and current.body != body and key not in self.bucket.tampered:
            self.bucket.rewritten.append(key)
        version = self.bucket.write(key, body, content_type, metadata)
        self.bucket.tampered.pop(key, None)
        self._end(number)
        if condition is not None and self.conditional in self.trouble.silent_retry:
            raise Conflict(key)
        return version

    async def delete(self, key: str) -> None:
        number = await self._begin()
        self.bucket.objects.pop(key, None)
        self._end(number)

    async def list(self, prefix: str) -> AsyncIterator[Listed]:
        number = await self._begin()
        objects = self.bucket.objects if self.bucket.listing is None else self.bucket.listing
        found = list(self._listed(objects, prefix))
        self._end(number)
        for item in found:
            yield item

    async def folders(self, prefix: str) -> tuple[str, ...]:
        """None: these histories have one archive, and a call would shift the numbers at which their faults strike."""
        return ()

    def _listed(self, objects: Mapping[str, MemoryObject], prefix: str) -> Iterator[Listed]:
        for key, item in objects.items():
            if key.startswith(prefix):
                yield Listed(key, len(item.body), self.bucket.spelling.format(item.version))

    async def _begin(self) -> int:
        trouble = self.trouble
        # A real store yields to the event loop; otherwise races would never occur.
        for _ in range(1 + self._pauses.choice((0, 3, 30))):
            await asyncio.sleep(0)
        self.requests += 1
        number = self.requests
        if number == trouble.stops_at:
            trouble.stopped.set()
            await trouble.resume.wait()
        if self.dead or (number == trouble.kill_at and not trouble.after):
            self.dead = True
            raise Killed
        if number in trouble.fail_at and not trouble.after:
            raise StoreUnavailable("503, as planned")
        return number

    def _end(self, number: int) -> None:
        if number == self.trouble.kill_at and self.trouble.after:
            self.dead = True
            raise Killed
        if number in self.trouble.fail_at and self.trouble.after:
            raise StoreUnavailable("no answer, as planned")
