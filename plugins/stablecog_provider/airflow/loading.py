"""Loads days of a manifest into a DuckDB database."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import date

from ..adapters.assembly import open_store
from ..adapters.duckdb_table import replace_days
from ..adapters.settings import StoreSettings
from ..errors import ArchiveError
from ..model.object_keys import Layout
from .arguments import layout_of
from .connections import store_settings
from .errors import as_airflow


def load_days(
    database: str,
    bucket: str,
    prefix: str = "",
    *,
    days: Collection[date] | None,
    aws_conn_id: str | None = "aws_default",
) -> dict[str, int]:
    """Replace these days of the table `images` with what the manifest holds now; None for all days. Returns rows per day.

    Safe to repeat, and one day at a time: a load that stops has replaced some days and left the others. Raises the exception that
    `as_airflow` returns for an ArchiveError.
    """
    try:
        layout, store = layout_of(bucket, prefix), store_settings(aws_conn_id)
        return asyncio.run(_load(database, layout, store, days))
    except ArchiveError as error:
        raise as_airflow(error) from None


async def _load(
    database: str, layout: Layout, settings: StoreSettings, days: Collection[date] | None
) -> dict[str, int]:
    counts: dict[str, int] = {}
    async with open_store(settings, layout) as store:
        if days is None:
            found = [layout.parse_partition(each.key) async for each in store.list(layout.manifest)]
            days = [day for day in found if day is not None]
        for day in sorted(days):
            stored = await store.get(layout.partition(day))
            replaced = await asyncio.to_thread(replace_days, database, {day: stored.body if stored else None})
            counts |= {each.isoformat(): rows for each, rows in replaced.items()}
    return counts
