"""Puts back an earlier version of a partition that cannot be read: the one that the checkpoint names, and no other.

An older one would lack rows that the checkpoint counts. `rebuild --set-aside-damaged` is the way out if there is none.
"""

from __future__ import annotations

from datetime import date

from ...errors import ConfigurationError, StoreUnavailable
from ...model.object_keys import Layout
from ...model.partition_summary import PartitionSummary
from ..ports import Absent, BucketPorts, Conflict, Unchanged
from .stored_bytes import StoredBytes

CONTENT_TYPE = "application/vnd.apache.parquet"


async def restore_partition(
    ports: BucketPorts, layout: Layout, stored: StoredBytes, day: date, known: PartitionSummary
) -> bool:
    """Whether the version that the checkpoint names is in its place again."""
    key = layout.partition(day)
    try:
        versions = await ports.store.versions(key) if known.version else []
        version = next((each for each in versions if known.is_version(each.version)), None)
        body = await stored.body(key, version.version_id) if version else None
        if body is None:
            return False
        now = await stored.size(key)
        condition = Unchanged(now.version) if now else Absent()
        await ports.store.put(key, body, content_type=CONTENT_TYPE, condition=condition)
    except (Conflict, ConfigurationError, StoreUnavailable):
        return False
    return True
