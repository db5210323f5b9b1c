"""Says of each day whose partition something else has changed what was known, what was found, and what a run made of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from ...model.object_keys import Layout
from ...model.partition_summary import PartitionSummary
from ..ports import ObjectStore
from ..reports.changed import ChangedDay, Held
from .inventory import Inventory

ASKED = 50
"""Days of which the store is asked when their object was written. It is a detail for a person, who reads a few."""


async def changed_days(
    store: ObjectStore, layout: Layout, inventory: Inventory, known: Mapping[date, PartitionSummary]
) -> tuple[ChangedDay, ...]:
    """Return the changed days in ascending order. `known`: what the checkpoint said before the inventory."""
    written = await asyncio.gather(*(_written(store, layout, day) for day in inventory.changed[:ASKED]))
    since = dict(zip(inventory.changed, written, strict=False))
    return tuple(
        ChangedDay(day, since.get(day), _held(known.get(day)), _held(inventory.summaries.get(day)))
        for day in inventory.changed
    )


def with_what_is_there_now(
    changed: tuple[ChangedDay, ...], partitions: Mapping[date, PartitionSummary]
) -> tuple[ChangedDay, ...]:
    """Return the days with what their partitions hold after the run."""
    return tuple(replace(each, now=_held(partitions.get(each.day))) for each in changed)


async def _written(store: ObjectStore, layout: Layout, day: date) -> datetime | None:
    found = await store.head(layout.partition(day))
    return found.modified if found else None


def _held(summary: PartitionSummary | None) -> Held:
    return Held(summary.live, summary.images.archived) if summary else Held()
