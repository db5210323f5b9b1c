"""What use cases need from outside, as small Protocols. `adapters/` fulfils them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from ..model.coverage import Window
from ..model.manifest import Row, RowKey
from ..model.page import Page, PageQuery
from ..model.partition_summary import PartitionSummary


class Source(Protocol):
    """The API's listing. Implementations retry, honour the rate budget and count `requests`."""

    address: str

    @property
    def requests(self) -> int:
        """How many were made so far."""

    async def page(self, query: PageQuery) -> Page:
        """Raises ConfigurationError, TransientError (after its retries), SourceContradiction."""


class ImageBody(Protocol):
    """An image on its way. Lengths in bytes; `declared_length` is None where the host does not say."""

    declared_length: int | None

    def chunks(self) -> AsyncIterator[bytes]:
        """Raises SourceUnavailable where the stream breaks, ImageRejected where it ends short of the declared length."""


class ImageSource(Protocol):
    """The host of the images. One attempt a call: `transfer` decides on retries."""

    def open(self, url: str) -> AbstractAsyncContextManager[ImageBody]:
        """Raises ImageGone, ImageRejected, ImageRefused (all ItemError), RateLimited, SourceUnavailable."""


class Conflict(Exception):
    """A conditional write was refused: somebody else wrote first. Control flow, never shown to a user."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's bytes with the version (ETag) that a conditional write names."""

    body: bytes
    version: str


@dataclass(frozen=True, slots=True)
class Listed:
    """`version`: the ETag as the listing spells it, quoted or not; empty where it names none."""

    key: str
    size: int
    version: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """Write only where no object is (`If-None-Match: *`)."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Write only over this version (`If-Match`)."""

    version: str


Condition = Absent | Unchanged


class ObjectStore(Protocol):
    """A bucket. Every method raises ConfigurationError (BucketMissing, CredentialsRejected) or StoreUnavailable.

    After StoreUnavailable from `put` the outcome is unknown: read before writing again.
    """

    address: str
    """The server, for messages and to tell one store from another."""

    @property
    def requests(self) -> int:
        """How many were made so far."""

    async def get(self, key: str) -> Stored | None: ...

    async def head(self, key: str) -> Listed | None:
        """The object without its bytes; `version` as `get` spells it."""

    async def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
        condition: Condition | None = None,
    ) -> str:
        """Write and return the new version. The store checks the body's SHA-256. Raises Conflict."""

    async def delete(self, key: str) -> None: ...

    def list(self, prefix: str) -> AsyncIterator[Listed]: ...


class Partition(Protocol):
    """The rows of one UTC day as they stand in the bucket, read only. An absent partition has no rows. `version` names the
    object, as `Manifest.versions` does; it is empty where there is none.
    """

    day: date
    version: str

    def __len__(self) -> int: ...

    def get(self, key: RowKey) -> Row | None: ...

    def rows(self) -> Iterable[Row]: ...

    def live_ids(self, within: Window | None = None) -> set[str]:
        """Ids of outputs that the source still has, as far as we know; `within` is on the requested axis."""

    def live_count(self, within: Window | None = None) -> int: ...

    def summary(self) -> PartitionSummary:
        """What the checkpoint keeps of it."""


class Manifest(Protocol):
    """The table of images, a partition a day."""

    async def load(self, day: date) -> Partition:
        """Raises ArchiveDamaged where the object is no partition of ours."""

    async def merge(self, day: date, rows: Iterable[Row]) -> Partition:
        """Merge by (`output_id`, `rendition`), write back by compare-and-swap (none if nothing changes), return what now
        stands. Safe to repeat. Raises what the store raises, and StoreUnavailable after too many lost races.
        """

    async def days(self) -> list[date]:
        """All days that have a partition, rising."""

    async def versions(self) -> dict[date, str]:
        """The same days, with what names each one's object as it stands: another version is another content."""

    async def amend(self, day: date, change: Callable[[Row], Row]) -> Partition:
        """Write `change(row)` in the place of each row, by compare-and-swap, and not merged with it. `change` may be applied
        again to newer rows, and must keep the key and the day.
        """

    async def set_aside(self, day: date, key: str) -> Partition:
        """Copy a partition that cannot be read to `key`, and leave an empty one in its place by compare-and-swap. Does
        nothing to one that can be read.
        """


class Clock(Protocol):
    """Our own clock, for stamps in rows and reports; the source's clock decides what is settled."""

    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: images done of those known so far, bytes copied, and outputs read of the source's `total`."""

    done: int = 0
    planned: int = 0
    failed: int = 0
    bytes: int = 0
    read: int = 0
    total: int | None = None
    stage: str = ""


class ProgressListener(Protocol):
    """Told of progress; must return at once."""

    def __call__(self, progress: Progress) -> None: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """All that a run needs of the outside. `sleep` and `monotonic` (seconds) are there to be replaced in tests."""

    source: Source
    images: ImageSource
    store: ObjectStore
    manifest: Manifest
    clock: Clock
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
