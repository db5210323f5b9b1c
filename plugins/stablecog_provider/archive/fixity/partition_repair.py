"""Puts back an earlier version of a partition that cannot be read: the one that the checkpoint names, and no other.

An older one would lack rows that the checkpoint counts. `rebuild --set-aside-damaged` is the way out if there is none.
"""

from __future__ import annotations

from datetime import date

from ...errors import ArchiveDamaged, ArchiveTooNew, ConfigurationError, StoreUnavailable
from ...model.object_keys import Layout
from ...model.partition_summary import PartitionSummary
from ..ports import Absent, BucketPorts, Conflict, Unchanged
from .stored_bytes import StoredBytes

CONTENT_TYPE = "application/vnd.apache.parquet"


async def restore_partition(
    ports: BucketPorts, layout: Layout, stored: StoredBytes, day: date, known: PartitionSummary
) -> bool:
    """Whether the partition can be read again: the version that the checkpoint names is in its place, or something else has
    repaired it meanwhile, which may hold more by now.
    """
    key = layout.partition(day)
    try:
        versions = await ports.store.versions(key) if known.version else []
        version = next((each for each in versions if known.is_version(each.version)), None)
        body = await stored.body(key, version.version_id) if version else None
        now = await stored.size(key)
        if await _is_readable(ports, day):
            return True
        if body is None or (now and known.is_version(now.version.strip('"'))):
            # The store has damaged the version itself.
            return False
        # What is replaced is what was there before it was seen to be unreadable.
        condition = Unchanged(now.version) if now else Absent()
        await ports.store.put(key, body, content_type=CONTENT_TYPE, condition=condition)
    except (Conflict, ConfigurationError, StoreUnavailable):
        return False
    return await _is_readable(ports, day)


async def _is_readable(ports: BucketPorts, day: date) -> bool:
    try:
        return bool((await ports.manifest.load(day)).version)
    except ArchiveTooNew:
        raise
    except ArchiveDamaged:
        return False
