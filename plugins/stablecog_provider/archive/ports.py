"""What use cases need from outside, as small Protocols. `adapters/` implements them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, Protocol

from ..model.coverage import Window
from ..model.manifest import Row, RowKey
from ..model.page import Page, PageQuery
from ..model.partition_summary import PartitionSummary, RowChanges
from .naming.ports import Naming


class Source(Protocol):
    """The API's listing. Implementations retry, keep to the rate limit and count `requests`."""

    address: str

    @property
    def requests(self) -> int:
        """Number of requests made so far."""

    async def page(self, query: PageQuery) -> Page:
        """Return one page. Raises ConfigurationError, TransientError (after its retries), SourceContradiction."""


class ImageBody(Protocol):
    """An image that is being received. Lengths in bytes; `declared_length` is None if the host does not declare it."""

    declared_length: int | None

    def chunks(self) -> AsyncIterator[bytes]:
        """Iterate over the bytes. Raises SourceUnavailable if the stream breaks, ImageRejected if it is shorter than declared."""


class ImageSource(Protocol):
    """The image hosts. One attempt per call: `transfer` decides on retries."""

    def open(self, url: str) -> AbstractAsyncContextManager[ImageBody]:
        """Request an image.

        Raises ImageGone, ImageRejected, ImageRefused (all ItemError), RateLimited, SourceUnavailable, LocalLimit.
        """


class Conflict(Exception):
    """A conditional write was refused, because another run wrote first. Control flow, never shown to a user."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's bytes with the version (ETag) that a conditional write names, and the metadata that it was written with."""

    body: bytes
    version: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of a listing. `version`: the ETag as the listing spells it, quoted or not; empty if it has none. `modified`: when
    it was written, by the store's clock; None if the listing does not say.
    """

    key: str
    size: int
    version: str = ""
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """Write only if the key has no object (`If-None-Match: *`)."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Write only if the object has this version (`If-Match`)."""

    version: str


Condition = Absent | Unchanged


class ObjectStore(Protocol):
    """A bucket. Every method raises ConfigurationError (BucketMissing, CredentialsRejected) or StoreUnavailable.

    After StoreUnavailable from `put` the outcome is unknown: read before writing again.
    """

    address: str
    """The server's address, for messages and to distinguish stores."""

    @property
    def requests(self) -> int:
        """Number of requests made so far."""

    async def get(self, key: str) -> Stored | None: ...

    async def head(self, key: str) -> Listed | None:
        """Return the object without its bytes; `version` as `get` spells it."""

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
        """Write and return the new version. The store checks the body's SHA-256: `sha256` in hex if known. Raises Conflict."""

    async def delete(self, key: str) -> None: ...

    def list(self, prefix: str) -> AsyncIterator[Listed]: ...

    async def folders(self, prefix: str) -> Sequence[str]:
        """Return the folders directly below `prefix`, each with its closing slash. One request: of many, only the first."""


class ObjectBody(Protocol):
    """An object that is being read. `size` in bytes; `version` as `get` spells it."""

    size: int
    version: str

    def chunks(self) -> AsyncIterator[bytes]:
        """Iterate over the bytes, in pieces of a bounded size. Raises what a store raises."""


@dataclass(frozen=True, slots=True)
class KeptChecksum:
    """What the store keeps of an object beside its bytes. `sha256`: hexadecimal; None if it keeps none of the whole object."""

    size: int
    sha256: str | None
    version: str


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """An earlier or the current version of an object. `version`: its ETag, without quotes."""

    version_id: str
    size: int
    version: str


class StoredObjects(ObjectStore, Protocol):
    """An ObjectStore that is also read back: as a stream, by checksum, by version."""

    def open(self, key: str, version_id: str = "") -> AbstractAsyncContextManager[ObjectBody | None]:
        """Request an object, or one version of it; None if there is none. Raises ObjectInArchiveClass, too."""

    async def checksum(self, key: str) -> KeptChecksum | None:
        """Ask the store for the SHA-256 that it keeps, without a download; None if there is no object."""

    async def versions(self, key: str) -> Sequence[ObjectVersion]:
        """Return the versions of the object, newest first, without those that mark a deletion. A bucket without versioning has
        the current one at most.
        """


class Base(NamedTuple):
    """An object of a partition. `run_id`: the run that wrote it, as the object itself says; empty if it says nothing."""

    version: str = ""
    run_id: str = ""


class Partition(Protocol):
    """The rows of one UTC day as they are in the bucket, read only. An absent partition has no rows. `version` identifies the
    object, as in `Manifest.versions`; it is empty if there is no object. `base`: the object that it was read as, which a write
    has replaced. `written`: what that write did.
    """

    day: date
    version: str
    base: Base
    written: RowChanges

    def __len__(self) -> int: ...

    def get(self, key: RowKey) -> Row | None: ...

    def rows(self) -> Iterable[Row]: ...

    def live_ids(self, within: Window | None = None) -> set[str]:
        """Return the ids of live outputs; `within` is on the requested axis."""

    def live_count(self, within: Window | None = None) -> int: ...

    def rows_with(self, hashes: set[str]) -> Iterable[Row]:
        """Return the rows whose image has one of these SHA-256 (hexadecimal)."""

    def output_count(self) -> int:
        """Return the number of outputs, deleted ones included, that are not forgotten."""

    def forgotten_ids(self) -> set[str]:
        """Return the ids of outputs with a row that is forgotten."""

    def summary(self) -> PartitionSummary:
        """Return what the checkpoint keeps of the partition."""


class Manifest(Protocol):
    """The table of images, one partition per UTC day."""

    async def load(self, day: date, *, expected: bool = False) -> Partition:
        """Read the partition of a day. Raises ArchiveDamaged if the object is not a partition of this archive, or is missing
        though it is `expected`.
        """

    async def merge(self, day: date, rows: Iterable[Row], *, expected: bool = False, run_id: str = "") -> Partition:
        """Merge by (`output_id`, `rendition`), write by compare-and-swap if anything changed, and return the result.

        `expected`: the partition must exist. `run_id`: noted in the object, as its writer. Safe to repeat. Raises what the store
        raises, StoreUnavailable after too many lost races, and ArchiveDamaged if an expected partition is missing: a new one
        would hide the loss.
        """

    async def days(self) -> list[date]:
        """Return all days that have a partition, in ascending order."""

    async def versions(self) -> dict[date, str]:
        """Return the same days with the version of each partition's object: another version means another content."""

    async def amend(self, day: date, change: Callable[[Row], Row], *, run_id: str = "") -> Partition:
        """Replace each row with `change(row)` by compare-and-swap, without merging. `change` may be applied again to newer rows,
        and must keep the key and the day.
        """

    async def set_aside(self, day: date, key: str, *, run_id: str = "") -> Partition:
        """Copy an unreadable partition to `key`, and replace it with an empty one by compare-and-swap. Does nothing if the
        partition can be read.
        """


class Clock(Protocol):
    """This machine's clock, for timestamps in rows and reports. The source's clock decides what is settled."""

    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run: images done of those known so far, bytes copied, and outputs read of the source's `total`.
    `written`: days whose partition was changed so far.
    """

    done: int = 0
    planned: int = 0
    failed: int = 0
    bytes: int = 0
    read: int = 0
    total: int | None = None
    stage: str = ""
    written: frozenset[date] = frozenset()


class ProgressListener(Protocol):
    """Called with the progress of a run; must return at once."""

    def __call__(self, progress: Progress) -> None: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that a run needs from outside. Tests replace `sleep` and `monotonic`. `naming`: None leaves names alone."""

    source: Source
    images: ImageSource
    store: ObjectStore
    manifest: Manifest
    clock: Clock
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    naming: Naming | None = None


@dataclass(frozen=True, slots=True)
class BucketPorts:
    """What a use case needs that reads the bucket, and perhaps images from their hosts, but never the API. Needs no API key."""

    images: ImageSource
    store: StoredObjects
    manifest: Manifest
    clock: Clock
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
