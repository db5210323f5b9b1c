"""Tests whether the store honours conditional writes. Concurrent runs depend on them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from ...errors import UnsafeStore
from ...model.object_keys import Layout
from ..ports import Absent, Conflict, ObjectStore, Unchanged
from ..resilience.retry import STORE_RETRIES, Sleep

PROBING = replace(STORE_RETRIES, attempts=8)
"""A broken connection proves nothing, and another attempt costs nothing."""


async def probe_store(store: ObjectStore, layout: Layout, run_id: str, sleep: Sleep = asyncio.sleep) -> None:
    """Try to create an object that exists, and to change a version that is gone. Both must be refused, or two runs could
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
            hint="use a store that honours them (AWS S3, SeaweedFS, MinIO, Ceph; older Ceph only without versioning), or "
            "make sure that no two runs overlap and pass --allow-unsafe-store",
        )


async def _refused(write: Callable[[], Awaitable[object]]) -> bool:
    try:
        await write()
    except Conflict:
        return True
    return False
