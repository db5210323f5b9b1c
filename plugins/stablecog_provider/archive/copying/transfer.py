"""Copies images from their host to the bucket: in parallel, hashed while they stream, within a memory limit.

Two limits hold: at most `concurrency` images at a time, fewer of a host that cannot take as many; and at most
`bytes_in_flight + max_image_bytes` bytes of bodies in memory. An image reserves its declared length before its body is read.
An image without a declared length reserves a default. If it outgrows that, it continues as the only such image and needs no
further reservation, so it can always finish and there is no deadlock.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from ...errors import (
    ImageRefused,
    ImageRejected,
    ItemError,
    LocalLimit,
    RateLimited,
    SourceUnavailable,
    StoreUnavailable,
    TransientError,
)
from ...model.manifest import stored_address
from ...model.object_keys import DIGEST_DIGITS, EXTENSIONS, ImageKey, Layout, Rendition
from ..ports import Absent, Conflict, ImageBody, ImageSource, ObjectStore
from ..resilience.rate_limit import RateLimiter
from ..resilience.retry import IMAGE_RETRIES, STORE_RETRIES, RetryPolicy, Sleep
from .byte_budget import ByteBudget
from .concurrency import DEFAULT_CONCURRENCY, AdaptiveConcurrency
from .image_format import image_type, truncation
from .outage import IMAGES_IN_A_ROW, OutageDetector, host_of

MIB = 1024 * 1024
SOURCE_URL = "source-url"
"""Metadata of an image's object: where it was copied from, so that an object without a row is not taken for another image."""
LONGEST_SOURCE_URL = 1024
"""Bytes. S3 allows 2 kB for all metadata of an object."""


@dataclass(frozen=True, slots=True)
class CopyJob:
    """One image to copy. `day` is its partition. The URL may contain a signature, so the repr omits it. `overwrite`: the image is
    lost, so an object under its key is not believed to be it, whatever its size.
    """

    output_id: str
    rendition: Rendition
    day: date
    url: str = field(repr=False)
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Copied:
    """Where an image is now, and its fixity: SHA-256 in hex, size in bytes."""

    uri: str
    sha256: str
    content_type: str
    bytes: int


@dataclass(frozen=True, slots=True)
class _Lane:
    """What one host can take; a host that refuses requests slows no other. `gate`: held during a trial of a host that is down,
    since what comes of it decides whether the next images are skipped.
    """

    concurrency: AdaptiveConcurrency
    limiter: RateLimiter
    gate: asyncio.Lock


class Transfer:
    """Copies images, each at most once at a time. For one event loop. Lengths in bytes.

    `undeclared_bytes`: reserved for an image whose host does not declare its length. `images_in_a_row`: if this many images
    of a host fail with none archived in between, the host is down. `any_archived`: whether an earlier run archived any image.
    """

    def __init__(
        self,
        images: ImageSource,
        store: ObjectStore,
        layout: Layout,
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        bytes_in_flight: int = 32 * MIB,
        max_image_bytes: int = 64 * MIB,
        undeclared_bytes: int = MIB,
        image_retries: RetryPolicy = IMAGE_RETRIES,
        store_retries: RetryPolicy = STORE_RETRIES,
        images_in_a_row: int = IMAGES_IN_A_ROW,
        any_archived: bool = False,
        sleep: Sleep = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.budget = ByteBudget(bytes_in_flight)
        self._images = images
        self._store = store
        self._layout = layout
        self._max_image_bytes = max_image_bytes
        self._undeclared_bytes = min(undeclared_bytes, max_image_bytes)
        self._image_retries = image_retries
        self._store_retries = store_retries
        self._sleep, self._monotonic = sleep, monotonic
        self._ceiling, self._lanes = concurrency, dict[str, _Lane]()
        self._slots = asyncio.Semaphore(concurrency)
        self._alone = asyncio.Lock()
        self.hosts = OutageDetector(images_in_a_row, monotonic, any_archived=any_archived)

    async def copy(self, job: CopyJob) -> Copied:
        """Fetch, check and store one image. Idempotent: the same image has the same key and the same bytes.

        Raises ItemError if this image fails, retries included (ImageHostDown if it was not tried, because its host fails for
        every image); StoreUnavailable and LocalLimit after retries; ConfigurationError at once.
        """
        host = host_of(job.url)
        lane = self.lane(host)
        try:
            async with lane.concurrency:
                copied = await self._trial(job, host, lane)
                if copied is None:
                    copied = await self._image_retries.call(partial(self._attempt, job, lane), self._sleep)
                    self.hosts.archived(host)
                return copied
        except (RateLimited, SourceUnavailable) as error:
            self.hosts.failed(host, error)
            message = error.message
        except ImageRefused as error:
            self.hosts.refused(error)
            raise
        raise ImageRejected(f"given up after retries: {message}", hint="later runs retry it")

    async def _trial(self, job: CopyJob, host: str, lane: _Lane) -> Copied | None:
        """Fetch the image by a single attempt if it is a trial of a host that is down; else return None."""
        async with lane.gate:
            if not self.hosts.is_trial(host):
                return None
            copied = await self._attempt(job, lane)
            self.hosts.archived(host)
            return copied

    def lane(self, host: str) -> _Lane:
        if host not in self._lanes:
            limiter = RateLimiter(0.0, self._sleep, self._monotonic)
            self._lanes[host] = _Lane(AdaptiveConcurrency(self._ceiling), limiter, asyncio.Lock())
        return self._lanes[host]

    async def serves(self, url: str) -> bool:
        """Whether the host of this address serves images now, asked by one that it had."""
        host = host_of(url)
        if not self.hosts.served(host):
            try:
                async with self._images.open(url):
                    self.hosts.archived(host)
            except (ItemError, TransientError):
                return False
        return True

    async def _attempt(self, job: CopyJob, lane: _Lane) -> Copied:
        asked_at = await lane.limiter.acquire()
        # The reservation lasts longer than the connection: the body is in memory until it is stored.
        async with self._slots, AsyncExitStack() as held:
            try:
                asked_at = self._monotonic()
                async with self._images.open(job.url) as image:
                    lane.concurrency.answered(self._monotonic() - asked_at)
                    body, sha256 = await self._read(image, held)
            except RateLimited as error:
                lane.concurrency.refused()
                lane.limiter.throttled(asked_at, self._image_retries.pause_for(error))
                raise
            except SourceUnavailable:
                lane.concurrency.failed()
                raise
            except LocalLimit:
                # Fewer images at a time may fit, as after a refusal. The host has not failed.
                lane.concurrency.refused()
                raise
            lane.limiter.succeeded()
            return await self._put(job, body, sha256, lane)

    async def _read(self, image: ImageBody, held: AsyncExitStack) -> tuple[bytes, str]:
        declared = image.declared_length
        if declared is not None and declared > self._max_image_bytes:
            raise self._too_large(declared)
        room = self._undeclared_bytes if declared is None else declared
        await held.enter_async_context(self.budget.reserved(room))
        chunks: list[bytes] = []
        received = 0
        digest = hashlib.sha256()
        try:
            async for chunk in image.chunks():
                received += len(chunk)
                if received > room:
                    room = await self._outgrow(declared, received, held)
                digest.update(chunk)
                chunks.append(chunk)
            if declared is not None and received != declared:
                # A broken connection looks like this, so it is retried.
                raise SourceUnavailable(f"the body ended after {received} of {declared} bytes")
            chunks[:] = [b"".join(chunks)]
            if declared is None and (cut := truncation(chunks[0])):
                # So does this: without a length, nothing but the image shows where its body should have ended.
                raise SourceUnavailable(cut)
        except BaseException:
            # The exception's traceback keeps this frame, and so the chunks, longer than the reservation lasts.
            chunks.clear()
            raise
        return chunks[0], digest.hexdigest()

    async def _outgrow(self, declared: int | None, received: int, held: AsyncExitStack) -> int:
        """Wait until this is the only body that is longer than its reservation, and return its new limit."""
        if declared is not None:
            raise ImageRejected(f"the body is longer than the {declared} bytes it declared")
        if received > self._max_image_bytes:
            raise self._too_large(received)
        await held.enter_async_context(self._alone)
        return self._max_image_bytes

    def _too_large(self, size: int) -> ImageRejected:
        return ImageRejected(f"too large: at least {size} bytes, and at most {self._max_image_bytes} are allowed")

    async def _put(self, job: CopyJob, body: bytes, sha256: str, lane: _Lane) -> Copied:
        content_type = image_type(body)
        key = self._layout.image(
            ImageKey(job.day, job.output_id, job.rendition, sha256[:DIGEST_DIGITS], EXTENSIONS[content_type])
        )
        metadata = {"sha256": sha256, **_source_url(job.url)}
        put = partial(self._store.put, key, body, content_type=content_type, metadata=metadata, sha256=sha256)
        await self._store_retries.call(
            partial(self._counted, lane, partial(self._put_once, key, None if job.overwrite else len(body), put)),
            self._sleep,
        )
        return Copied(self._layout.uri(key), sha256, content_type, len(body))

    async def _put_once(self, key: str, size: int | None, put: Callable[..., Awaitable[str]]) -> str:
        """Write only if the key has no object. An object of that size is the same image: the key names its hash. If `size` is
        None, whatever is there is replaced.
        """
        try:
            return await put(condition=Absent())
        except Conflict:
            found = await self._store.head(key)
            if found is not None and found.size == size:
                return ""
        # Something cut it off or emptied it. Writing the bytes that the key names repairs it.
        return await put()

    async def _counted(self, lane: _Lane, put: Callable[[], Awaitable[str]]) -> str:
        try:
            return await put()
        except StoreUnavailable:
            lane.concurrency.failed()
            raise


def _source_url(url: str) -> dict[str, str]:
    """The address as metadata, without its query. Headers hold printable ASCII; another address is left out."""
    stored = stored_address(url)
    fits = len(stored) <= LONGEST_SOURCE_URL and stored.isascii() and stored.isprintable()
    return {SOURCE_URL: stored} if fits else {}
