"""The record of a forget: keys and dates of what was forgotten, written before the first row is marked.

A partition may be lost later, or an earlier version of it restored, and the source still lists what was forgotten. From the
records, a rebuild forgets it again.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from ...errors import ArchiveDamaged
from ...model.checkpoint import Forgetting
from ...model.documents import document_of
from ...model.manifest import Row, State
from ...model.object_keys import Layout, day_of
from ...model.partition_summary import PartitionSummary
from ...model.times import parse_rfc3339
from ..ports import Absent, Conflict, Manifest, ObjectStore

Announce = Callable[[Iterable[date]], Awaitable[None]]
"""Says durably which partitions are about to be written."""
VERSION = 1
_INSTANTS = ("created_at", "output_created_at", "first_seen_at", "last_seen_at", "deleted_at")
_COLUMNS = ("output_id", "rendition", *_INSTANTS)


async def write_record(
    store: ObjectStore, layout: Layout, at: datetime, run_id: str, rows: Iterable[Row], reason: str
) -> None:
    """Write the record of these forgotten rows."""
    document = {
        "version": VERSION,
        "run_id": run_id,
        "forgotten_at": document_of(at),
        "reason": reason,
        "rows": [{name: document_of(getattr(row, name)) for name in _COLUMNS} for row in rows],
    }
    body = json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"
    await store.put(layout.forget_record(at, run_id), body, content_type="application/json")


async def recorded(
    store: ObjectStore, layout: Layout, only: Collection[Forgetting] | None = None
) -> dict[date, list[Row]]:
    """Return the forgotten rows of all records by day; with `only`, of the forgets that these notes are about. Raises
    ArchiveDamaged if a record cannot be read: without it, what was forgotten would be copied again.
    """
    found: defaultdict[date, list[Row]] = defaultdict(list)
    keys = [item.key async for item in store.list(layout.forgotten) if item.key.endswith(".json")]
    if only is not None:
        keys = [key for key in keys if any(each.run_id in key for each in only)]
        # Some stores list a new object only after a delay. The note of a forget is as old as its record.
        keys += [layout.forget_record(each.at, each.run_id) for each in only]
    for key in dict.fromkeys(keys):
        stored = await store.get(key)
        for row in _rows_of(stored.body, layout.uri(key)) if stored else ():
            found[day_of(row.created_at)].append(row)
    return dict(found)


async def forgotten_since(store: ObjectStore, layout: Layout, since: datetime) -> set[str]:
    """Return the ids of the outputs of all forgets that began then or later."""
    first = layout.forget_record(since, "0")
    keys = [item.key async for item in store.list(layout.forgotten) if item.key >= first]
    found = [(key, stored) for key in keys if (stored := await store.get(key)) is not None]
    return {row.output_id for key, stored in found for row in _rows_of(stored.body, layout.uri(key))}


async def copy_records(store: ObjectStore, layout: Layout, other: ObjectStore, place: Layout) -> None:
    """Copy the records to another archive, those that it does not have."""
    async for item in store.list(layout.forgotten):
        if (stored := await store.get(item.key)) is not None:
            key = f"{place.forgotten}{item.key.removeprefix(layout.forgotten)}"
            with suppress(Conflict):
                await other.put(key, stored.body, content_type="application/json", condition=Absent())


async def forget_again(
    manifest: Manifest, records: Mapping[date, Sequence[Row]], run_id: str, announce: Announce
) -> dict[date, PartitionSummary]:
    """Mark again what these records list and the manifest does not have as forgotten. Returns what was written. `announce` is
    awaited before a partition is written; it also notes that something is to be deleted there.
    """
    written: dict[date, PartitionSummary] = {}
    for day, rows in sorted(records.items()):
        known = (await manifest.load(day)).forgotten_ids()
        if any(row.output_id not in known for row in rows):
            await announce([day])
            written[day] = (await manifest.merge(day, rows, run_id=run_id)).summary()
    return written


def _rows_of(body: bytes, name: str) -> list[Row]:
    try:
        document = json.loads(body)
        return [_row_of(each, document["run_id"]) for each in document["rows"]]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ArchiveDamaged(
            f"{name} cannot be read ({type(error).__name__}): it lists what was forgotten and must not be copied again",
            hint="restore an earlier version of the object; nothing was changed",
        ) from None


def _row_of(document: Mapping[str, Any], run_id: str) -> Row:
    columns = {name: document[name] for name in _COLUMNS}
    instants = {name: parse_rfc3339(columns[name]) for name in _INSTANTS if columns[name] is not None}
    return Row(**(columns | instants), state=State.FORGOTTEN, run_id=run_id, raw="{}")
