"""A manifest in memory to look at."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import Layout, day_of
from support.rows import DAY, a_row

LAYOUT = Layout("bucket", "archive")


def shown_row(output_id: str, days: int = 0, minutes: int = 0, **columns: Any) -> Row:
    """A row that was requested so many days and minutes after `DAY`."""
    return a_row(output_id, created_at=DAY + timedelta(days=days, minutes=minutes), **columns)


async def versions_of(store: MemoryObjectStore, rows: Iterable[Row]) -> dict[date, str]:
    """Write the rows; return the version of each partition."""
    by_day: dict[date, list[Row]] = {}
    for row in rows:
        by_day.setdefault(day_of(row.created_at), []).append(row)
    manifest = ParquetManifest(store, LAYOUT)
    return {day: (await manifest.merge(day, some)).version for day, some in by_day.items()}
