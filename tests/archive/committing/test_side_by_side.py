"""One process commits and makes notes at the same time. Nothing that it saves may undo what it saved a moment before."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import date
from random import Random

import pytest

from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from stablecog_provider.archive.committing import commit
from stablecog_provider.archive.committing.change_log import ChangeLog
from stablecog_provider.archive.committing.checkpoint_file import CheckpointFile
from stablecog_provider.archive.ports import Partition
from stablecog_provider.model.changes import PartitionChange
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.coverage import Axis
from stablecog_provider.model.object_keys import day_of
from stablecog_provider.model.page import Page, PageQuery
from stablecog_provider.model.partition_summary import PartitionSummary, RowChanges
from stablecog_provider.model.row_lifecycle import is_live
from support.manifests import LAYOUT, TODAY, a_manifest
from support.rows import DAY, a_row
from support.scene import no_sleep
from support.stage import Ask, days_of, stage_of
from support.worlds import checkpoint as checkpoint_of


async def test_two_changes_of_the_checkpoint_at_once_are_both_saved() -> None:
    """The slow one works on what it read before the quick one wrote. The store's condition does not show that: it names the
    version that this process wrote last.
    """
    store = MemoryObjectStore()
    held, go_on = asyncio.Event(), asyncio.Event()

    async def hold_the_record(call: Call) -> None:
        if call.key.startswith(LAYOUT.changes):
            held.set()
            await go_on.wait()

    store.before = hold_the_record
    file, start = CheckpointFile(store, LAYOUT, no_sleep, run_id="run-1"), Checkpoint("https://api", Axis.COMPLETED)
    counted = {TODAY: PartitionSummary(live=3, version="7")}
    slow = asyncio.create_task(file.update(lambda found: replace(found, partitions=counted), start))
    await held.wait()
    quick = asyncio.create_task(file.update(lambda found: replace(found, deletions_allowed=5), start))
    for _ in range(10):
        await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(slow, quick)
    saved = await CheckpointFile(store, LAYOUT, no_sleep).load()
    assert saved
    assert saved.partitions == counted
    assert saved.deletions_allowed == 5


async def test_what_is_written_while_a_record_is_on_its_way_comes_into_the_next() -> None:
    store = MemoryObjectStore()
    log, manifest = ChangeLog(store, LAYOUT, "run-1", no_sleep), a_manifest(store)

    async def written(name: str) -> Partition:
        return await manifest.merge(TODAY, [a_row(name, created_at=DAY)], run_id="run-1")

    first, second = await written("one"), await written("two")
    log.wrote(first)

    def write_another(call: Call) -> None:
        if call.operation == "put":
            store.before = None
            log.wrote(second)

    store.before = write_another
    await log.record({}, {}, None)
    assert log.recorded == [PartitionChange(TODAY, first.version, RowChanges(added=1))]
    await log.record({}, {}, None)
    assert log.recorded[1:] == [PartitionChange(TODAY, second.version, RowChanges(added=1))]
    assert log.summary() == (PartitionChange(TODAY, second.version, RowChanges(added=2)),)


@pytest.mark.parametrize("seed", range(20))
async def test_a_run_saves_all_that_it_committed_whatever_the_store_answers_first(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer takes another while. The commits are small, so that many go on beside the notes of new images."""
    monkeypatch.setattr(commit, "COMMIT_ROWS", 4)
    stage, random = stage_of(*days_of(4, 6)), Random(seed)

    async def take_a_while(_: object) -> None:
        for _ in range(random.choice((0, 3, 60))):
            await asyncio.sleep(0)

    async def ask_slowly(query: PageQuery, ask: Ask) -> Page:
        await take_a_while(query)
        return await ask(query)

    stage.store.before = stage.images.before = take_a_while
    stage.play = ask_slowly
    report = await stage.run(per_page=3)
    assert report.proven
    assert not report.unchecked
    assert not report.reread
    rows = [each for each in (await stage.rows()).values() if is_live(each)]
    counted: dict[date, int] = {day: each.live for day, each in checkpoint_of(stage).partitions.items() if each.live}
    assert counted == Counter(day_of(each.created_at) for each in rows)
    assert len({each.output_id for each in rows}) == len(stage.live())
