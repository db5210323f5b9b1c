"""The bucket is restored, copied, moved, cleaned up and listed late; other runs and kills come between."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import PurePosixPath
from random import Random
from typing import Any

import pytest

from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.rebuild import RebuildSettings, rebuild
from stablecog_provider.archive.status import status
from stablecog_provider.errors import ArchiveDamaged
from stablecog_provider.model.object_keys import Layout, day_of
from stablecog_provider.model.page import Page, PageQuery
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, Ask, Stage, days_of, every, stage_of

MINUTE = timedelta(minutes=1)


def partition_of(stage: Stage, number: int = 0) -> str:
    return sorted(key for key in stage.store.objects if key.startswith(LAYOUT.manifest))[number]


async def test_a_partition_restored_from_an_earlier_version_loses_no_row() -> None:
    """Sequence 13: as the message advises. Upscales came after that version, and no count shows them."""
    stage = stage_of(*days_of(20, 4))
    await stage.checked_run()
    key = partition_of(stage)
    earlier = stage.store.objects[key]
    upscaled = [output.id for output in stage.simulated.visible(NOON)[:5]]
    for output_id in upscaled:
        stage.simulated.upscale(output_id, NOON + HOUR)
    stage.clock.advance(DAY)
    await stage.checked_run(lookback=30 * DAY)
    stage.store.objects[key] = replace(earlier, body=earlier.body[:-9], version="damaged")
    stage.clock.advance(DAY)
    report = await stage.run()
    assert report.exit_code == 3
    assert "cannot be read" in " ".join(report.notes)
    stage.store.objects[key] = earlier
    told = await stage.status()
    assert (told.outcome, [*told.changed]) == ("proven, in part", [day_of(NOON - 4 * DAY)])
    assert "changed by something other than a finished run" in "\n".join(told.explain())
    report = (await stage.ordinary_runs(1))[-1]
    assert report.outcome == "proven"
    assert {(output_id, "upscaled") for output_id in upscaled} <= (await stage.rows()).keys()
    assert [each.day for each in report.changed] == [day_of(NOON - 4 * DAY)]
    assert any("Healed: 0 outputs and 5 images." in line for line in report.explain()), report.explain()
    await stage.assert_nothing_lost()


async def test_a_day_of_another_version_is_walked_again_in_pieces_that_a_run_can_afford() -> None:
    """Sequence 13: every partition is restored from an earlier version at once."""
    stage = stage_of(*days_of(20, 8))
    await stage.checked_run()
    earlier = {key: held for key, held in stage.store.objects.items() if key.startswith(LAYOUT.manifest)}
    for number, output in enumerate(stage.simulated.visible(NOON)):
        if number % 7 == 0:
            stage.simulated.upscale(output.id, NOON + HOUR)
    stage.clock.advance(DAY)
    await stage.checked_run(lookback=30 * DAY)
    stage.store.objects |= earlier
    await stage.ordinary_runs(2)
    await stage.assert_nothing_lost()


async def test_a_copied_bucket_is_judged_by_what_lies_in_it() -> None:
    """Sequence 14: half of the images were not copied; the rows name the old bucket."""
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    copy, layout = MemoryObjectStore(), Layout("copied", "elsewhere")
    images = sorted(key for key in stage.store.objects if key.startswith(LAYOUT.images))
    left_out = set(images[::2])
    for key, held in stage.store.objects.items():
        if key not in left_out:
            copy.objects[layout.key(key.removeprefix(LAYOUT.key("")))] = held
    stage.store = copy
    ports = replace(stage.ports(), manifest=ParquetManifest(copy, layout))
    report = await rebuild(ports, RebuildSettings(layout=layout, check_images=True))
    assert (report.images_checked, len(report.lost_images), report.exit_code) == (60, 30, 3)
    assert (await status(copy, layout)).images.lost == 30
    manifest = ParquetManifest(copy, layout)
    rows = [row for day in await manifest.days() for row in (await manifest.load(day)).rows()]
    assert {row.uri.startswith("s3://copied/elsewhere/") for row in rows if row.state == "archived" and row.uri} == {
        True
    }


async def test_a_listing_that_lags_is_asked_once_more_before_it_is_believed() -> None:
    """Sequence 23: an eventually consistent store does not list the newest partition yet."""
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    hidden = partition_of(stage, -1)

    class Lagging(MemoryObjectStore):
        async def list(self, prefix: str) -> Any:
            async for item in super().list(prefix):
                if item.key != hidden:
                    yield item

    lagging = Lagging()
    lagging.objects = stage.store.objects
    lagging._versions = 10_000
    stage.store = lagging
    assert (await stage.status()).missing == ()
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"
    del lagging.objects[hidden]
    with pytest.raises(ArchiveDamaged, match="is missing"):
        await stage.run()
    assert (await stage.status()).missing != ()


async def test_conditional_writes_are_tried_again_on_another_server_and_now_and_then() -> None:
    """Sequence 28: the same bucket name, on a server that ignores conditions."""
    calls: list[Call] = []
    stage = stage_of(*days_of(5, 2))
    stage.store = MemoryObjectStore(after=lambda call: calls.append(call))

    def probes() -> int:
        found = sum(call.operation == "put" and ".probe-" in call.key for call in calls)
        calls.clear()
        return found

    await stage.checked_run()
    assert probes() > 0
    await stage.ordinary_runs(1)
    assert probes() == 0
    stage.store.address = "https://another-server.test"
    await stage.ordinary_runs(1)
    assert probes() > 0
    await stage.ordinary_runs(1, every=40 * DAY)
    assert probes() > 0


async def test_the_verdict_outlives_the_reports() -> None:
    """Sequence 29: a lifecycle rule expires `runs/`."""
    stage = stage_of(*days_of(20, 3))
    victim = stage.simulated.visible(NOON)[3].id

    def hide(document: dict[str, Any]) -> None:
        document["outputs"] = [output for output in document["outputs"] if output["id"] != victim]

    stage.spoil = hide
    assert (await stage.checked_run()).outcome == "not proven"
    for key in [key for key in stage.store.objects if key.startswith(LAYOUT.runs)]:
        del stage.store.objects[key]
    assert (await stage.status()).outcome == "not proven"


async def test_a_rebuilds_own_write_is_not_taken_for_another_runs() -> None:
    """Sequence 30: the store client repeats a request whose answer was lost, and is answered with 412."""

    class Repeating(MemoryObjectStore):
        repeats = False

        async def put(self, key: str, body: bytes, **options: Any) -> str:
            version = await super().put(key, body, **options)
            return await super().put(key, body, **options) if self.repeats and key == LAYOUT.checkpoint else version

    stage = Stage(stage_of(*days_of(20, 3)).simulated, store=Repeating())
    await stage.checked_run()
    stage.store.repeats = True  # type: ignore[attr-defined]
    assert (await stage.rebuild()).outcome == "rebuilt"
    stage.store.repeats = False  # type: ignore[attr-defined]
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"


async def test_a_runs_own_checkpoint_that_is_answered_with_412_loses_nothing() -> None:
    """Sequence 30: for runs, at every write of the checkpoint."""

    class Repeating(MemoryObjectStore):
        async def put(self, key: str, body: bytes, **options: Any) -> str:
            version = await super().put(key, body, **options)
            return await super().put(key, body, **options) if key == LAYOUT.checkpoint else version

    stage = Stage(stage_of(*days_of(20, 3)).simulated, store=Repeating())
    assert (await stage.checked_run()).outcome == "proven"
    await stage.assert_nothing_lost()


async def test_many_backfill_workers_at_once_end_in_one_whole_archive() -> None:
    """Held: 25 of them, each with a window of its own, into an empty bucket."""
    stage = stage_of(*days_of(20, 25))
    edges = [NOON - DAY * (25 - number) for number in range(26)]
    windows = [{"start": start, "end": end} for start, end in pairwise(edges)]
    workers = [Stage(stage.simulated, store=stage.store) for _ in windows]
    random = Random(1)

    async def pause(seconds: float) -> None:
        """As the product's pauses do, it takes each worker another while."""
        for _ in range(random.randrange(int(seconds * 200) + 2)):
            await asyncio.sleep(0)

    for worker in workers:
        worker.sleep = pause
    await asyncio.gather(*(worker.run(**window) for worker, window in zip(workers, windows, strict=True)))
    report = await stage.checked_run()
    assert (report.outcome, report.new) == ("proven", 0)
    await stage.assert_nothing_lost()


async def test_an_older_checkpoint_that_was_restored_repeats_work_and_loses_none() -> None:
    """Held: it knows nothing of the last days, their rows and their deletions."""
    stage = stage_of(*days_of(20, 5))
    await stage.checked_run()
    older = stage.store.objects[LAYOUT.checkpoint]
    for number in range(30):
        stage.simulated.add(NOON + number * HOUR)
    stage.simulated.delete(stage.simulated.visible(NOON)[7].id, NOON + HOUR)
    await stage.ordinary_runs(2)
    rows = await stage.rows()
    stage.store.objects[LAYOUT.checkpoint] = replace(older, version="restored")
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"
    assert {key: row.sha256 for key, row in (await stage.rows()).items()} == {k: row.sha256 for k, row in rows.items()}
    await stage.assert_nothing_lost()


async def test_a_stale_run_puts_no_older_proof_over_a_newer_one() -> None:
    """Suspected: a run sleeps after it counted, and ends when a later one has found that the counts differ."""
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    stage.clock.advance(HOUR)
    asleep, wake = asyncio.Event(), asyncio.Event()
    stale = stage.beside()

    async def sleep_after_the_proof(query: PageQuery, ask: Ask) -> Page:
        page = await ask(query)
        if query.end is not None:
            asleep.set()
            await wake.wait()
        return page

    stale.play = sleep_after_the_proof
    sleeping = asyncio.create_task(stale.run())
    await asleep.wait()

    def hide(document: dict[str, Any]) -> None:
        document["total"] = document["total"] + 1 if document.get("total") else document.get("total")

    stage.spoil = hide
    (report,) = await stage.ordinary_runs(1)
    assert report.outcome == "not proven"
    wake.set()
    await sleeping
    told = await stage.status()
    assert told.outcome == "not proven"
    stage.spoil = None
    assert (await stage.ordinary_runs(2))[-1].outcome == "proven"


@pytest.mark.parametrize("death", range(8))
async def test_a_kill_between_checkpoint_and_report_leaves_no_verdict_of_an_earlier_report(death: int) -> None:
    """Suspected: `status` judges by what is saved, not by the report that happens to be the newest."""
    stage = stage_of(*days_of(20, 3))
    assert (await stage.checked_run()).outcome == "proven"
    victim, writes = stage.simulated.visible(NOON)[3].id, 0

    def hide(document: dict[str, Any]) -> None:
        if document.get("total"):
            document["total"] += 1
        document["outputs"] = [output for output in document["outputs"] if output["id"] != victim]

    def die(call: Call) -> None:
        nonlocal writes
        writes += call.operation == "put"
        if writes > death or (call.operation == "put" and call.key.startswith(LAYOUT.runs)):
            raise RuntimeError("killed")

    stage.spoil, stage.store.before = hide, die
    stage.clock.advance(DAY)
    with pytest.raises(RuntimeError, match="killed"):
        await stage.run()
    stage.store.before = None
    saved = stage.store.objects[LAYOUT.checkpoint].body
    told = await stage.status()
    if told.differences or b'"outcome":"not proven"' in saved:
        assert told.outcome == "not proven"
    assert (await stage.checked_run()).outcome == "not proven"
    stage.spoil = None
    assert (await stage.ordinary_runs(2))[-1].outcome == "proven"


async def test_every_archived_row_names_bytes_that_hash_to_it_after_two_runs_raced() -> None:
    """Sequences 4 and 5, for whole runs: both copy everything at once."""
    stage = stage_of(*every(MINUTE, 150, 5 * HOUR))
    again = Stage(stage.simulated, store=stage.store)
    await asyncio.gather(stage.run(), again.run())
    for row in (await stage.rows()).values():
        body = stage.body_of(row.uri)
        assert hashlib.sha256(body).hexdigest() == row.sha256
        assert (row.sha256 or "")[:8] in PurePosixPath(row.uri or "").name
