"""Puts back the bytes that a row recorded: from an earlier version of the object, else from the source.

The damaged object is overwritten under its key, by compare-and-swap on what was seen of it, and then read back. Nothing is
deleted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from ...errors import (
    ConfigurationError,
    ImageRejected,
    ItemError,
    ObjectInArchiveClass,
    StoreUnavailable,
    TransientError,
)
from ...model.object_keys import Layout, Rendition, day_of
from ...model.row_fixity import OTHER_BYTES
from ...model.row_lifecycle import Copy, image_name, is_replaced
from ..copying.transfer import SOURCE_URL, Copied, CopyJob, Transfer
from ..ports import Absent, BucketPorts, Condition, Conflict, Listed, ObjectVersion, Stored, StoredObjects, Unchanged
from .expected import Expected
from .stored_bytes import Seen, StoredBytes

VERSIONS_TRIED = 20
"""Of one object, the newest first."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What came of one repair. `how`: in words, also if it failed. `beside`: what the source has instead, if it was stored."""

    done: bool
    how: str
    beside: Copy | None = None


class Repairer:
    """Repairs images, each on its own. `stored` reads them; `transfer` fetches from the source.

    The attribute `notes`: why earlier versions could not be used, once.
    """

    def __init__(self, ports: BucketPorts, layout: Layout, stored: StoredBytes, *, concurrency: int) -> None:
        self._ports, self._layout, self._stored = ports, layout, stored
        self._transfer = Transfer(
            ports.images,
            _Overlay(ports.store),
            layout,
            concurrency=concurrency,
            # A repair requests only damaged images. If a host refuses all of them, that need not be a missing setting.
            any_archived=True,
            sleep=ports.sleep,
            monotonic=ports.monotonic,
        )
        self.notes: list[str] = []

    async def repair(self, expected: Expected, seen: Seen | None) -> Repair:
        """Try each way in turn. `seen`: what the object is now. Raises ConfigurationError if the store refuses a write."""
        outcome: Copied | str
        try:
            if await self._from_versions(expected, seen):
                return Repair(True, "an earlier version of the object had the recorded bytes")
            outcome = await self._from_source(expected, seen)
        except Conflict:
            if await self.is_whole(expected):
                return Repair(True, "something else repaired it at the same time")
            outcome = "something else changed the object at the same time"
        except (StoreUnavailable, ObjectInArchiveClass) as error:
            outcome = error.message
        if isinstance(outcome, Copied):
            return await self._judged(expected, outcome)
        return Repair(False, outcome)

    async def is_whole(self, expected: Expected) -> bool:
        """Read the object back."""
        seen = await self._stored.seen(expected.key)
        return seen is not None and expected.has_hash(seen.sha256)

    async def _judged(self, expected: Expected, copied: Copied) -> Repair:
        if expected.has_hash(copied.sha256):
            if await self.is_whole(expected):
                return Repair(True, "the source still had the recorded bytes")
            return Repair(False, "the source still had the recorded bytes, but they could not be stored")
        how = f"the source has another image now (SHA-256 {copied.sha256}), stored beside at {copied.uri}"
        url = expected.copy.archived_url or expected.row.source_url
        at = self._ports.clock.now()
        return Repair(False, how, Copy(at, copied.sha256, copied.uri, copied.content_type, copied.bytes, url))

    async def _from_versions(self, expected: Expected, seen: Seen | None) -> bool:
        for version in (await self._versions(expected.key))[:VERSIONS_TRIED]:
            if not expected.has_size(version.size) or (seen and version.version == seen.version.strip('"')):
                continue
            found = await self._stored.seen(expected.key, version.version_id)
            if found is None or not expected.has_hash(found.sha256):
                continue
            body = await self._stored.body(expected.key, version.version_id)
            if body is None:
                continue
            await self._ports.store.put(
                expected.key,
                body,
                content_type=expected.copy.content_type or "application/octet-stream",
                metadata=_metadata(expected, found.sha256 or ""),
                condition=Unchanged(seen.version) if seen else Absent(),
            )
            return await self.is_whole(expected)
        return False

    async def _versions(self, key: str) -> Sequence[ObjectVersion]:
        if self.notes:
            return []
        try:
            return await self._ports.store.versions(key)
        except ConfigurationError as error:
            self.notes = self.notes or [f"Earlier versions of objects were not used: {error.message}."]
            return []

    async def _from_source(self, expected: Expected, seen: Seen | None) -> Copied | str:
        """Return what the source has now, once it is stored; or why it has nothing."""
        row, reasons = expected.row, list[str]()
        beside = expected.is_current and not is_replaced(row)
        before = _ALLOWED.set(_Allowed(expected.key, seen.version if seen else None, beside))
        try:
            for url in _addresses(expected):
                try:
                    return await self._transfer.copy(
                        CopyJob(row.output_id, Rendition(row.rendition), day_of(row.created_at), url)
                    )
                except (ItemError, TransientError) as error:
                    reasons.append(error.message)
        finally:
            _ALLOWED.reset(before)
        return "; ".join(reasons) or "no earlier version and no address at the source has its bytes"


def _addresses(expected: Expected) -> list[str]:
    """Where the source may still have the image: its current address first. One that needs its query cannot be requested."""
    copy, row = expected.copy, expected.row
    asked = (copy.archived_url or "").removesuffix(OTHER_BYTES)
    named = row.source_url or ""
    current = named if expected.is_current and (not asked or image_name(named) == image_name(asked)) else ""
    return [url for url in dict.fromkeys((current, asked)) if url and not url.endswith("?")]


def _metadata(expected: Expected, sha256: str) -> dict[str, str]:
    url = expected.copy.archived_url or ""
    known = {SOURCE_URL: url} if url and url.isascii() and url.isprintable() and len(url) <= 1024 else {}
    return {"sha256": sha256, **known}


@dataclass(frozen=True, slots=True)
class _Allowed:
    """What one repair may write: the object at `key` in the place of `version` (None: there is no object), and with `beside`,
    another image under another key.
    """

    key: str
    version: str | None
    beside: bool


_ALLOWED: ContextVar[_Allowed] = ContextVar("_ALLOWED")
"""Per task: images of one row are repaired at the same time, and what one may write, another may not."""


class _Overlay:
    """The store as `Transfer` sees it while it repairs: a damaged object is as good as none."""

    def __init__(self, store: StoredObjects) -> None:
        self._store = store
        self.address = store.address

    @property
    def requests(self) -> int:
        return self._store.requests

    async def get(self, key: str) -> Stored | None:
        return await self._store.get(key)

    async def head(self, key: str) -> Listed | None:
        return await self._store.head(key)

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
        allowed = _ALLOWED.get()
        if key == allowed.key:
            condition = Absent() if allowed.version is None else Unchanged(allowed.version)
        elif not allowed.beside:
            raise ImageRejected("the source has another image now, and its row names a newer one already")
        return await self._store.put(
            key, body, content_type=content_type, metadata=metadata, condition=condition, sha256=sha256
        )

    async def delete(self, key: str) -> None:
        raise NotImplementedError("a repair deletes nothing")

    async def list(self, prefix: str) -> AsyncIterator[Listed]:
        async for item in self._store.list(prefix):
            yield item

    async def folders(self, prefix: str) -> Sequence[str]:
        return await self._store.folders(prefix)
