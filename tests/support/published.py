"""Archives to publish, and what a table of them must hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from stablecog_provider.adapters.memory import FixedClock
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.ports import Conflict, ObjectStore, Partition
from stablecog_provider.archive.publish import PublishSettings, publish
from stablecog_provider.archive.publishing.ports import Expired, PublishedTable, PublishPorts
from stablecog_provider.archive.reports.publish import PublishReport
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.coverage import Axis, Coverage
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import Layout
from support.rows import DAY, a_row

NOW = DAY + timedelta(days=30)
Keys = list[tuple[str, str, str, str]]
"""Day, output, rendition and state of each row, sorted."""


def rows_of(day: int, count: int, **columns: Any) -> list[Row]:
    at = DAY + timedelta(days=day)
    return [a_row(f"{day}-{number}", created_at=at + timedelta(minutes=number), **columns) for number in range(count)]


async def an_archive(store: ObjectStore, layout: Layout, days: int = 3, rows: int = 4) -> ParquetManifest:
    """Write a checkpoint and a few days."""
    manifest = ParquetManifest(store, layout)
    for day in range(days):
        await manifest.merge((DAY + timedelta(days=day)).date(), rows_of(day, rows))
    checkpoint = Checkpoint(
        "https://api.example", Axis.REQUESTED, Coverage(), {}, saved_at=datetime(2026, 12, 1, tzinfo=UTC)
    )
    await store.put(layout.checkpoint, checkpoint.to_json(), content_type="application/json")
    return manifest


async def published(store: ObjectStore, layout: Layout, table: PublishedTable) -> PublishReport:
    ports = PublishPorts(store, ParquetManifest(store, layout), table, FixedClock(NOW))
    return await publish(ports, PublishSettings(layout, "test", "db.outputs"))


async def keys_of(manifest: ParquetManifest) -> Keys:
    found = [(day, row) for day in await manifest.days() for row in (await manifest.load(day)).rows()]
    return sorted((str(day), row.output_id, row.rendition, str(row.state)) for day, row in found)


class MemoryTable:
    """Port `PublishedTable`, in memory. `commits`: the days of each. `races`: how many commits others will come before."""

    name = "test:db.outputs"

    def __init__(self, races: int = 0) -> None:
        self.days: dict[date, tuple[str, list[Row]]] = {}
        self.commits: list[list[date]] = []
        self.races, self.due, self.snapshots = races, False, 0

    async def published(self) -> Mapping[date, str]:
        return {day: version for day, (version, _) in self.days.items()}

    async def replace(self, partitions: Sequence[Partition], *, forgotten: bool) -> None:
        if self.races:
            self.races -= 1
            raise Conflict("another publish")
        self.days |= {each.day: (each.version, list(each.rows())) for each in partitions}
        self.commits.append([each.day for each in partitions])
        self.due, self.snapshots = self.due or forgotten, self.snapshots + 1

    async def must_expire(self) -> bool:
        return self.due

    async def expire(self) -> Expired:
        gone, self.snapshots, self.due = self.snapshots - 1, 1, False
        return Expired(gone, gone)

    def keys(self) -> Keys:
        found = [(day, row) for day, (_, rows) in self.days.items() for row in rows]
        return sorted((str(day), row.output_id, row.rendition, str(row.state)) for day, row in found)
