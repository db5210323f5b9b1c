"""One stored image, verified: its bytes are those that were archived, or it is a problem with a name."""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial

from ...errors import ConfigurationError, ObjectInArchiveClass
from ...model.manifest import Row
from ...model.object_keys import Layout
from ...model.row_lifecycle import Copy, copies_of
from ..ports import ObjectStore, Stored
from ..resilience.retry import STORE_RETRIES, Sleep


class NotWhole(Exception):
    """The image is not there as it was archived. Control flow; it becomes a Problem. `refusal`: the store's error, if any."""

    def __init__(self, kind: str, key: str, detail: str, refusal: ConfigurationError | None = None) -> None:
        super().__init__(kind, key, detail)
        self.kind, self.key, self.detail, self.refusal = kind, key, detail, refusal


async def verified(store: ObjectStore, layout: Layout, copy: Copy, sleep: Sleep) -> Stored:
    """Return a stored image whose size and SHA-256 are the recorded ones. Raises NotWhole, and StoreUnavailable after retries."""
    key = layout.own_image(copy.uri)
    if key is None:
        raise NotWhole("no_object_name", copy.uri, "the row names no object of an archive")
    try:
        stored = await STORE_RETRIES.call(partial(store.get, key), sleep)
    except ObjectInArchiveClass as error:
        raise NotWhole("archive_class", key, f"{error.message}; {error.hint}") from None
    except ConfigurationError as error:
        # The store may refuse a single object, which has another policy or KMS key than the others.
        raise NotWhole("refused", key, f"{error.message}; {error.hint}", error) from None
    if stored is None:
        raise NotWhole("missing", key, "the bucket has no such object")
    if copy.bytes is not None and len(stored.body) != copy.bytes:
        raise NotWhole("truncated", key, f"it has {len(stored.body)} bytes, and {copy.bytes} were archived")
    found = await asyncio.to_thread(sha256_of, stored.body)
    if not has_hash(layout, copy, found):
        raise NotWhole(
            "changed", key, f"the SHA-256 of its bytes is {found}, and {copy.sha256 or 'another one'} was archived"
        )
    return stored


def current(row: Row) -> Copy:
    """The row's stored image. The row must have one."""
    return copies_of(row)[0]


def sha256_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def has_hash(layout: Layout, copy: Copy, sha256: str) -> bool:
    """Whether the archived bytes had this hash. A row of an older version may have none; the key names its beginning."""
    if copy.sha256 is not None:
        return sha256 == copy.sha256
    key = layout.own_image(copy.uri)
    parts = layout.parse_image(key) if key else None
    return parts is not None and sha256.startswith(parts.digest)
