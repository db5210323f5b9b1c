"""What `publish` writes, and when, over a table in memory."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.archive import publish as use_case
from stablecog_provider.archive.publish import MAX_LOST_RACES, PublishSettings
from stablecog_provider.errors import ConfigurationError, StoreUnavailable
from stablecog_provider.model.row_lifecycle import forgotten
from support.published import MemoryTable, an_archive, keys_of, published, rows_of
from support.rows import DAY
from support.scene import LAYOUT

TODAY = DAY.date()


async def test_every_day_is_published_once() -> None:
    store, table = MemoryObjectStore(), MemoryTable()
    manifest = await an_archive(store, LAYOUT)
    report = await published(store, LAYOUT, table)
    assert (len(report.days), report.rows, report.outcome, report.exit_code) == (3, 12, "published", 0)
    assert table.keys() == await keys_of(manifest)
    again = await published(store, LAYOUT, table)
    assert (again.days, again.commits, again.outcome) == ((), 0, "up to date")
    assert len(table.commits) == 1


async def test_only_days_that_changed_are_written_again() -> None:
    store, table = MemoryObjectStore(), MemoryTable()
    manifest = await an_archive(store, LAYOUT)
    await published(store, LAYOUT, table)
    await manifest.merge(TODAY, rows_of(0, 6))
    report = await published(store, LAYOUT, table)
    assert report.days == (TODAY,)
    assert table.keys() == await keys_of(manifest)


async def test_a_gap_of_any_length_is_caught_up_in_bounded_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_case, "DAYS_AT_ONCE", 4)
    store, table = MemoryObjectStore(), MemoryTable()
    manifest = await an_archive(store, LAYOUT, days=10, rows=1)
    report = await published(store, LAYOUT, table)
    assert [len(each) for each in table.commits] == [4, 4, 2]
    assert report.commits == 3
    assert table.keys() == await keys_of(manifest)


async def test_a_lost_race_is_read_and_tried_again_but_not_forever() -> None:
    store = MemoryObjectStore()
    await an_archive(store, LAYOUT)
    assert (await published(store, LAYOUT, MemoryTable(races=MAX_LOST_RACES - 1))).rows == 12
    with pytest.raises(StoreUnavailable, match="changed by others"):
        await published(store, LAYOUT, MemoryTable(races=MAX_LOST_RACES))


async def test_forgotten_rows_expire_earlier_snapshots() -> None:
    store, table = MemoryObjectStore(), MemoryTable()
    manifest = await an_archive(store, LAYOUT)
    await published(store, LAYOUT, table)
    await manifest.amend(TODAY, lambda row: forgotten(row) if row.output_id == "0-1" else row)
    report = await published(store, LAYOUT, table)
    assert (report.forgotten, report.expired_snapshots) == (1, 1)
    assert any("Still to do" in line for line in report.explain())
    assert not await table.must_expire()


async def test_a_day_that_the_archive_has_lost_stays_in_the_table() -> None:
    store, table = MemoryObjectStore(), MemoryTable()
    await an_archive(store, LAYOUT)
    await published(store, LAYOUT, table)
    await store.delete(LAYOUT.partition(TODAY + timedelta(days=1)))
    report = await published(store, LAYOUT, table)
    assert (report.missing, report.exit_code) == ((TODAY + timedelta(days=1),), 3)
    assert len(table.keys()) == 12


async def test_an_address_without_an_archive_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no archive"):
        await published(MemoryObjectStore(), LAYOUT, MemoryTable())


@pytest.mark.parametrize(("catalog", "table"), [("", "db.t"), ("c", "t"), ("c", "db."), ("c", ".t")])
def test_a_name_that_cannot_be_one_is_refused(catalog: str, table: str) -> None:
    with pytest.raises(ConfigurationError):
        PublishSettings(LAYOUT, catalog, table)
