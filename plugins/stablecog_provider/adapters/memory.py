"""The ports in memory, for tests and experiments. Hooks inject faults; time is a value."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from ..archive.forgetting.ports import Lock, StoredVersion
from ..archive.ports import (
    Absent,
    Condition,
    Conflict,
    ImageBody,
    KeptChecksum,
    Listed,
    ObjectBody,
    ObjectVersion,
    Stored,
)
from ..errors import ImageGone


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the store. `operation`: `get`, `head`, `put`, `delete`, `list`, `open`, `checksum`, `versions` or `erase`.
    `key`: for a list, the prefix.
    """

    operation: str
    key: str


FOLDERS = 1000
Hook = Callable[[Call], Awaitable[None] | None]
"""May raise or wait, to imitate a store that fails or is slow."""


@dataclass(frozen=True, slots=True)
class MemoryObject:
    body: bytes = field(repr=False)
    version: str
    content_type: str
    metadata: Mapping[str, str]


class MemoryObjectStore:
    """An ObjectStore. Versions are numbered across all objects.

    `before` runs before a call takes effect, `after` once it has: an error raised in `after` is a write of unknown outcome.
    `ignores_conditions` imitates a store that overwrites silently. `versioned`: replaced and deleted objects are kept in
    `earlier`, newest first. `keeps_checksums`: it keeps the SHA-256 of each object that `put` wrote. `locks`: what keeps the
    versions of an object from being deleted, by key.
    """

    def __init__(
        self,
        *,
        ignores_conditions: bool = False,
        versioned: bool = False,
        keeps_checksums: bool = True,
        before: Hook | None = None,
        after: Hook | None = None,
    ) -> None:
        self.requests = 0
        self.address = "memory"
        self.objects: dict[str, MemoryObject] = {}
        self.earlier: dict[str, Sequence[MemoryObject]] = {}
        self.locks: dict[str, Lock] = {}
        self.ignores_conditions = ignores_conditions
        self.versioned = versioned
        self.keeps_checksums = keeps_checksums
        self.before = before
        self.after = after
        self._versions = 0

    async def get(self, key: str) -> Stored | None:
        await self._begin("get", key)
        found = self.objects.get(key)
        await self._run(self.after, Call("get", key))
        return Stored(found.body, found.version, found.metadata) if found else None

    async def head(self, key: str) -> Listed | None:
        await self._begin("head", key)
        found = self.objects.get(key)
        await self._run(self.after, Call("head", key))
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
        await self._begin("put", key)
        if condition is not None and not self.ignores_conditions:
            current = self.objects.get(key)
            expected = None if isinstance(condition, Absent) else condition.version
            if (current.version if current else None) != expected:
                raise Conflict(key)
        self._versions += 1
        version = str(self._versions)
        self._keep_version(key)
        self.objects[key] = MemoryObject(body, version, content_type, MappingProxyType(dict(metadata or {})))
        await self._run(self.after, Call("put", key))
        return version

    async def delete(self, key: str) -> None:
        await self._begin("delete", key)
        self._keep_version(key)
        self.objects.pop(key, None)
        await self._run(self.after, Call("delete", key))

    async def list(self, prefix: str) -> AsyncIterator[Listed]:
        await self._begin("list", prefix)
        found = [
            Listed(key, len(item.body), item.version) for key, item in self.objects.items() if key.startswith(prefix)
        ]
        await self._run(self.after, Call("list", prefix))
        for listed in found:
            yield listed

    async def folders(self, prefix: str) -> Sequence[str]:
        await self._begin("list", prefix)
        below = [key.removeprefix(prefix) for key in self.objects if key.startswith(prefix)]
        return sorted({f"{prefix}{key.partition('/')[0]}/" for key in below if "/" in key})[:FOLDERS]

    @asynccontextmanager
    async def open(self, key: str, version_id: str = "") -> AsyncIterator[ObjectBody | None]:
        await self._begin("open", key)
        found = next((each for each in self._versions_of(key) if version_id in ("", each.version)), None)
        if not version_id:
            found = self.objects.get(key)
        await self._run(self.after, Call("open", key))
        yield _MemoryObjectBody(found) if found else None

    async def checksum(self, key: str) -> KeptChecksum | None:
        await self._begin("checksum", key)
        found = self.objects.get(key)
        if found is None:
            return None
        kept = hashlib.sha256(found.body).hexdigest() if self.keeps_checksums and found.version.isdigit() else None
        return KeptChecksum(len(found.body), kept, found.version)

    async def versions(self, key: str) -> Sequence[ObjectVersion]:
        await self._begin("versions", key)
        return [ObjectVersion(each.version, len(each.body), each.version) for each in self._versions_of(key)]

    async def all_versions(self, prefix: str) -> AsyncIterator[StoredVersion]:
        await self._begin("versions", prefix)
        for key in sorted({*self.objects, *self.earlier}):
            for each in self._versions_of(key) if key.startswith(prefix) else ():
                yield StoredVersion(key, each.version, len(each.body), each is self.objects.get(key))

    async def erase(self, key: str, version_id: str) -> Lock | None:
        await self._begin("erase", key)
        if key in self.locks:
            return self.locks[key]
        if (current := self.objects.get(key)) and current.version == version_id:
            del self.objects[key]
        self.earlier[key] = [each for each in self.earlier.get(key, []) if each.version != version_id]
        await self._run(self.after, Call("erase", key))
        return None

    def _versions_of(self, key: str) -> Sequence[MemoryObject]:
        current = self.objects.get(key)
        return [*([current] if current else []), *self.earlier.get(key, [])]

    def _keep_version(self, key: str) -> None:
        if self.versioned and (replaced := self.objects.get(key)):
            self.earlier[key] = [replaced, *self.earlier.get(key, [])]

    async def _begin(self, operation: str, key: str) -> None:
        self.requests += 1
        # A real store yields to the event loop; otherwise races would never occur.
        await asyncio.sleep(0)
        await self._run(self.before, Call(operation, key))

    async def _run(self, hook: Hook | None, call: Call) -> None:
        waiting = hook(call) if hook else None
        if waiting is not None:
            await waiting


class _MemoryObjectBody:
    def __init__(self, found: MemoryObject) -> None:
        self._body = found.body
        self.size, self.version = len(found.body), found.version

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body


@dataclass(frozen=True, slots=True)
class MemoryImage:
    """An image as a host sends it, in chunks of `chunk_size` bytes.

    `declares` False: the host gives no length. `declared_length`: a wrong length. `breaks`: raised after the whole body.
    """

    body: bytes = field(repr=False)
    declares: bool = True
    declared_length: int | None = None
    chunk_size: int = 65536
    breaks: Exception | None = None


Answer = bytes | MemoryImage | Exception


class MemoryImages:
    """An ImageSource. `answers`: the responses per URL in order; the last one repeats. An unknown URL is gone.

    `asked`: the requested URLs in order. `most_open`: the largest number of images open at the same time.
    """

    def __init__(self, answers: Mapping[str, Answer | Sequence[Answer]] | None = None) -> None:
        self.answers: dict[str, list[Answer]] = {}
        for url, answer in (answers or {}).items():
            self.answers[url] = [answer] if isinstance(answer, bytes | MemoryImage | Exception) else list(answer)
        self.asked: list[str] = []
        self.most_open = 0
        self._open = 0

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        self.asked.append(url)
        await asyncio.sleep(0)
        answers = self.answers.get(url) or [ImageGone("404: no such image")]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        self._open += 1
        self.most_open = max(self.most_open, self._open)
        try:
            yield _MemoryBody(MemoryImage(answer) if isinstance(answer, bytes) else answer)
        finally:
            self._open -= 1


class _MemoryBody:
    def __init__(self, image: MemoryImage) -> None:
        self._image = image
        length = len(image.body) if image.declared_length is None else image.declared_length
        self.declared_length = length if image.declares else None

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._image.body), self._image.chunk_size):
            await asyncio.sleep(0)
            yield self._image.body[start : start + self._image.chunk_size]
        if self._image.breaks:
            raise self._image.breaks


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that moves only by `advance`."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant

    def advance(self, by: timedelta) -> None:
        self.instant += by
