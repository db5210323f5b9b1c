"""A follower of the change log ends with the table, whatever runs, kills and repairs do meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.changes import ChangesSettings, changes
from stablecog_provider.archive.committing.change_log import ChangeLog
from stablecog_provider.archive.reports.changes import ChangesReport
from stablecog_provider.errors import ArchiveDamaged, ArchiveError, ConfigurationError
from stablecog_provider.model.manifest import Row, RowKey
from stablecog_provider.model.partition_summary import PartitionSummary
from stablecog_provider.model.times import format_instant
from support.killed import Killed
from support.scene import LAYOUT, MemoryObjectStoreView, no_sleep
from support.stage import DAY, HOUR, NOON, Stage, days_of, stage_of


async def since(store: MemoryObjectStore, point: str) -> ChangesReport:
    return await changes(MemoryObjectStoreView(store), ChangesSettings(LAYOUT, point))


@dataclass
class Follower:
    """Reads the partitions that the log names, and nothing else. `seen`: the numbers, in the order in which they came."""

    store: MemoryObjectStore
    cursor: str = "@0"
    table: dict[date, dict[RowKey, Row]] = field(default_factory=dict)
    seen: list[int] = field(default_factory=list)

    async def follow(self) -> None:
        report = await since(self.store, self.cursor)
        assert report.is_complete
        for record in report.records:
            self.seen.append(record.number)
            for change in record.partitions:
                loaded = await ParquetManifest(MemoryObjectStoreView(self.store), LAYOUT).load(change.day)
                self.table[change.day] = {row.key: row for row in loaded.rows()}
        self.cursor = report.next

    def rows(self) -> dict[date, dict[RowKey, Row]]:
        return {day: rows for day, rows in self.table.items() if rows}


async def whole(store: MemoryObjectStore) -> dict[date, dict[RowKey, Row]]:
    manifest = ParquetManifest(MemoryObjectStoreView(store), LAYOUT)
    found = {day: {row.key: row for row in (await manifest.load(day)).rows()} for day in await manifest.days()}
    return {day: rows for day, rows in found.items() if rows}


async def test_each_commit_names_what_it_changed() -> None:
    stage = stage_of(*days_of(3, 2))
    report = await stage.run()
    answer = await since(stage.store, "@0")
    (first,) = [record for record in answer.records if record.partitions]
    assert first.run_id == report.run_id
    assert [(each.day.day, each.rows and each.rows.added) for each in first.partitions] == [(18, 3), (19, 3)]
    assert answer.next == f"@{first.number}"
    idle = await stage.run()
    assert (await since(stage.store, answer.next)).records == ()
    assert idle.partitions == ()
    assert report.partitions == answer.partitions
    gone = next(iter(stage.live()))
    stage.simulated.delete(gone, stage.clock.now())
    stage.clock.advance(DAY)
    marked = (await stage.run()).partitions
    assert [each.rows and each.rows.marked_deleted for each in marked] == [1]
    assert (await since(stage.store, answer.next)).partitions == marked


async def test_a_point_is_a_cursor_an_instant_a_day_or_a_run() -> None:
    stage = stage_of(*days_of(2, 2))
    first = await stage.run()
    stage.clock.advance(DAY)
    stage.simulated.add(stage.clock.now() - HOUR, stage.clock.now() - HOUR + timedelta(seconds=9))
    began = stage.clock.now()
    second = await stage.run()
    assert second.partitions
    everything = (await since(stage.store, "@0")).partitions
    assert (await since(stage.store, first.run_id)).partitions == everything
    for point in (second.run_id, format_instant(began), "2026-11-21"):
        assert (await since(stage.store, point)).partitions == second.partitions, point
    assert (await since(stage.store, "2026-11-22")).partitions == ()
    assert (await since(stage.store, "2026-11-22")).next == (await since(stage.store, "@0")).next


@pytest.mark.parametrize("point", ["", "41", "yesterday", "@", "@-1", "@x", "0123456789ab", "2026-13-01"])
async def test_a_point_that_cannot_be_understood_is_refused(point: str) -> None:
    stage = stage_of(*days_of(1, 1))
    await stage.run()
    with pytest.raises(ConfigurationError, match="is no cursor, no instant, and no run"):
        await since(stage.store, point)


async def test_a_run_that_began_earlier_and_ends_later_cannot_be_skipped() -> None:
    """The record of the slow run comes after the follower's cursor, though its report has an earlier key."""
    stage = stage_of(*days_of(2, 3))
    slow, follower = stage.beside(), Follower(stage.store)
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def hold(url: str) -> None:
        reached.set()
        await go_on.wait()

    slow.images.before = hold
    late = asyncio.create_task(slow.run())
    await reached.wait()
    stage.clock.advance(HOUR)
    await stage.run()
    await follower.follow()
    go_on.set()
    await late
    await follower.follow()
    assert follower.rows() == await whole(stage.store)


async def test_a_record_of_an_earlier_instant_that_is_written_later_has_a_later_number() -> None:
    store = MemoryObjectStore()
    slow, fast = ChangeLog(store, LAYOUT, "slow"), ChangeLog(store, LAYOUT, "fast")
    await slow.record({}, {date(2026, 11, 1): PartitionSummary(version="a")}, NOON)
    await fast.record({}, {date(2026, 11, 2): PartitionSummary(version="b")}, NOON + HOUR / 2)
    follower = (await since(store, "@0")).next
    await slow.record({}, {date(2026, 11, 3): PartitionSummary(version="c")}, NOON + HOUR / 6)
    assert [record.run_id for record in (await since(store, follower)).records] == ["slow"]
    # Also by instant: what was written since then by a clock that is behind is not left out.
    assert [record.number for record in (await since(store, format_instant(NOON + HOUR / 2))).records] == [2, 3]


async def test_a_log_with_a_gap_says_that_it_is_not_complete() -> None:
    store = MemoryObjectStore()
    log = ChangeLog(store, LAYOUT, "run")
    for number in range(5):
        await log.record({}, {date(2026, 11, 1 + number): PartitionSummary(version="v")}, NOON)
    del store.objects[LAYOUT.change_record(3)]
    answer = await since(store, "@1")
    assert not answer.is_complete
    assert answer.exit_code == 3
    assert [record.number for record in answer.records] == [2, 4, 5]
    assert (await since(store, "@3")).is_complete
    beyond = await since(store, "@9")
    assert (beyond.is_complete, beyond.next) == (False, "@5")
    assert (await since(store, "@5")).is_complete
    for number in (1, 2):
        del store.objects[LAYOUT.change_record(number)]
    assert not (await since(store, "@1")).is_complete


async def test_a_record_that_cannot_be_read_is_named() -> None:
    store = MemoryObjectStore()
    await ChangeLog(store, LAYOUT).record({}, {date(2026, 11, 1): PartitionSummary(version="v")}, NOON)
    await store.put(LAYOUT.change_record(1), b"{}", content_type="application/json")
    with pytest.raises(ArchiveDamaged, match=r"000000001\.json is no change record"):
        await since(store, "@0")


async def test_writers_at_once_leave_no_gap_and_lose_no_record() -> None:
    store = MemoryObjectStore()

    async def write(name: int) -> None:
        log = ChangeLog(store, LAYOUT, f"run{name}", no_sleep)
        for number in range(10):
            await log.record({}, {date(2026, 1 + name, 1 + number): PartitionSummary(version="v")}, NOON)

    await asyncio.gather(*(write(name) for name in range(4)))
    answer = await since(store, "@0")
    assert [record.number for record in answer.records] == list(range(1, 41))
    assert len(answer.partitions) == 40


async def test_the_log_is_read_across_folders_and_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stablecog_provider.model.object_keys.CHANGES_IN_A_FOLDER", 4)
    monkeypatch.setattr("stablecog_provider.archive.changes.MOST", 3)
    store = MemoryObjectStore()
    for number in range(10):
        await ChangeLog(store, LAYOUT).record({}, {date(2026, 11, 1 + number): PartitionSummary(version="v")}, NOON)
    cursor, numbers, more = "@0", list[int](), True
    while more:
        answer = await since(store, cursor)
        numbers += [record.number for record in answer.records]
        assert answer.is_complete
        cursor, more = answer.next, answer.has_more
    assert numbers == list(range(1, 11))


async def history(seed: int) -> None:
    random = Random(seed)
    stage = stage_of(*days_of(3, 4))
    follower, lazy = Follower(stage.store), Follower(stage.store)

    async def one(of: Stage, kill_after: int | None) -> None:
        """A use case, killed at a random call of the store."""
        calls = 0

        def count(call: Call) -> None:
            nonlocal calls
            calls += 1
            if kill_after is not None and calls > kill_after:
                raise Killed

        of.store = hooked(stage.store, count) if kill_after is not None else stage.store
        acts: list[Any] = [of.run] * 6 + [of.refresh, of.rebuild, lambda: of.verify(repair=True)]
        try:
            await random.choice(acts)()
        except (Killed, ArchiveError):
            return
        finally:
            of.store = stage.store

    for _ in range(10):
        stage.clock.advance(timedelta(hours=random.choice([1, 5, 24])))
        now = stage.clock.now()
        for _ in range(random.randrange(3)):
            ago = timedelta(hours=random.randrange(1, 60))
            stage.simulated.add(now - ago, now - ago + timedelta(seconds=10))
        if random.random() < 0.3 and (live := sorted(stage.live())):
            stage.simulated.delete(random.choice(live), now)
        if random.random() < 0.2 and (live := sorted(stage.live())):
            stage.simulated.favourite(random.choice(live), now, True)
        kills = [random.choice([None, random.randrange(60)]) for _ in range(random.choice([1, 1, 2]))]
        await asyncio.gather(*(one(stage.beside(), kill) for kill in kills))
        if random.random() < 0.1 and len(rows := await stage.rows()) > 3:
            with suppress(ConfigurationError):
                await stage.forget(id=(random.choice(sorted(rows))[0],), yes_really=1)
        await follower.follow()
        if random.random() < 0.3:
            await lazy.follow()
    stage.clock.advance(2 * HOUR)
    await stage.run()
    for each in (follower, lazy):
        await each.follow()
        assert each.rows() == await whole(stage.store), seed
        assert each.seen == sorted({*each.seen})


def hooked(store: MemoryObjectStore, before: Callable[[Call], None]) -> MemoryObjectStore:
    """The same objects, with a hook of its own."""

    class Hooked(MemoryObjectStore):
        async def _begin(self, operation: str, key: str) -> None:
            await super()._begin(operation, key)
            before(Call(operation, key))

    found = Hooked()
    found.__dict__ = store.__dict__
    return found


@pytest.mark.parametrize("seed", range(5))
async def test_a_follower_beside_random_runs_ends_with_the_table(seed: int) -> None:
    """Ten steps each, some of two use cases at once, half of them killed: 50 steps in all."""
    await history(seed)
