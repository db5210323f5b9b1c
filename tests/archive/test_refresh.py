"""`refresh`: the whole history is read again, in slices, without touching the watermark."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stablecog_provider.archive.listing.pace import RefreshBudget, SlicesRead, Within
from stablecog_provider.archive.recording import LOOKED_AT
from stablecog_provider.archive.refresh import RefreshSettings
from stablecog_provider.errors import ArchiveError, ConfigurationError, SourceUnavailable
from stablecog_provider.model.checkpoint import Checkpoint, Sweep
from stablecog_provider.model.coverage import Axis
from stablecog_provider.model.partition_summary import PartitionSummary
from stablecog_provider.model.refreshed import Refreshed
from stablecog_provider.model.times import BEGINNING
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, CursorKey, Dialect
from stablecog_provider.simulator.world import World
from support.killed import Killed
from support.scene import LAYOUT, Scene
from support.worlds import DAY, checkpoint, newest_report

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SMALL = 20
"""Outputs per day of an account that fits on one page."""
BY_REQUEST = replace(CURRENT, cursor=CursorKey.REQUESTED)
OLD_DAYS = (40, 39, 38)


def an_account(dialect: Dialect = CURRENT, a_day: int = 150) -> Scene:
    """Outputs on three old days, and on three days a week ago."""
    world = World.empty(NOON)
    for days in (*OLD_DAYS, 9, 8, 7):
        for number in range(a_day):
            at = NOON - days * DAY + number * MINUTE
            world.add(at, at + timedelta(seconds=9))
    return Scene(world, dialect)


def trade(scene: Scene, a_day: int = 10) -> tuple[set[str], set[str]]:
    """On each old day, delete so many outputs and let as many appear that no run has seen: no count differs."""
    deleted, appeared = set[str](), set[str]()
    for days in OLD_DAYS:
        noon = NOON - days * DAY
        outputs = [each for each in scene.simulated.visible(NOON) if noon <= each.g < noon + DAY / 2]
        for each in outputs[: a_day * 2 : 2]:
            scene.simulated.delete(each.id, scene.clock.now())
            deleted.add(each.id)
        for number in range(a_day):
            at = noon + number * MINUTE + timedelta(seconds=30)
            appeared |= {each.id for each in scene.simulated.add(at, at + timedelta(seconds=9))}
    return deleted, appeared


@pytest.mark.parametrize("dialect", [CURRENT, BY_REQUEST, DOCUMENTED], ids=["by completion", "by request", "opaque"])
async def test_losses_and_deletions_that_cancel_out_in_the_count_are_all_found(dialect: Dialect) -> None:
    scene = an_account(dialect)
    await scene.run()
    watermark = checkpoint(scene).watermark
    deleted, appeared = trade(scene)
    scene.clock.advance(MINUTE)

    report = await scene.refresh()

    assert (report.new, report.tombstoned, report.copied) == (30, 30, 30)
    rows = await scene.rows()
    assert {row.output_id for row in rows.values() if row.deleted_at} == deleted
    assert appeared <= {output_id for output_id, _ in rows}
    assert report.outcome == "proven"
    assert checkpoint(scene).watermark == watermark
    assert report.coverage.oldest == report.started_at
    assert report.coverage.never == 0


async def test_a_refresh_says_how_many_outputs_it_has_read() -> None:
    scene = an_account(a_day=10)
    await scene.run()
    scene.clock.advance(MINUTE)
    report = await scene.refresh()
    assert report.read >= 60
    assert report.new == 0


async def test_a_refresh_begins_with_what_was_read_longest_ago_and_goes_round() -> None:
    scene = an_account()
    await scene.run()
    for _ in range(8):
        scene.clock.advance(DAY)
        report = await scene.refresh(budget="1requests")
        assert (report.slices, report.spent) == (1, True)
    assert report.coverage.oldest is not None
    assert report.coverage.oldest > NOON


@pytest.mark.long
async def test_a_refresh_that_dies_goes_on_where_it_stopped() -> None:
    undisturbed, scene = an_account(), an_account()
    for each in (undisturbed, scene):
        await each.run()
        trade(each)
        each.clock.advance(MINUTE)
    await undisturbed.refresh()
    for requests in range(1, 30):
        scene.source_dies_after = requests
        try:
            await scene.refresh()
        except SourceUnavailable:
            continue
        break
    else:
        pytest.fail("the refresh never came to its end")

    def told(rows: dict[tuple[str, str], object]) -> int:
        return len(rows)

    assert told(await scene.rows()) == told(await undisturbed.rows())  # type: ignore[arg-type]
    deleted = [
        sorted(key for key, row in (await each.rows()).items() if row.deleted_at) for each in (scene, undisturbed)
    ]
    assert len(deleted[0]) == len(deleted[1]) == 30


async def test_an_emptied_source_changes_nothing() -> None:
    scene = an_account()
    await scene.run()
    before = await scene.rows()
    for each in scene.simulated.visible(NOON):
        scene.simulated.delete(each.id, scene.clock.now())
    scene.clock.advance(MINUTE)
    with pytest.raises(ArchiveError):
        await scene.refresh()
    assert await scene.rows() == before


async def test_without_an_archive_nothing_is_written() -> None:
    scene = an_account()
    with pytest.raises(ConfigurationError, match="there is no archive"):
        await scene.refresh()
    assert not scene.store.objects


async def test_a_run_keeps_the_promise_and_counts_its_requests() -> None:
    scene = an_account()
    await scene.run()
    for _ in range(8):
        scene.clock.advance(DAY)
        report = await scene.run(refresh_within=4 * DAY)
        assert report.source_requests <= report.request_limit
    assert report.refresh.oldest is not None
    assert report.finished_at - report.refresh.oldest <= 4 * DAY
    assert report.refresh.within_days["7"] == report.refresh.outputs == 900


def known(paced: datetime, read_at: datetime) -> Checkpoint:
    live = {NOON.date(): PartitionSummary(live=3000)}
    sweep = Sweep(paced=paced, refreshed=(Refreshed(BEGINNING, NOON, read_at),))
    return Checkpoint("https://api.example", Axis.COMPLETED, partitions=live, sweep=sweep)


def test_each_run_takes_its_share() -> None:
    start = known(NOON - DAY, NOON - 2 * DAY)
    pace = Within(30 * DAY, start, NOON)
    assert [pace.wants_more(SlicesRead(1, outputs), start) for outputs in (0, 99, 100)] == [True, True, False]


def test_what_would_be_too_old_at_the_next_run_is_read_now_but_not_all_at_once() -> None:
    start = known(NOON - DAY, NOON - 29.5 * DAY)
    pace = Within(30 * DAY, start, NOON)
    assert [pace.wants_more(SlicesRead(1, outputs), start) for outputs in (100, 399, 400)] == [True, True, False]


@pytest.mark.parametrize("text", ["", "0requests", "1.5requests", "10", "-1m", "5GB", "x" * 99])
def test_a_budget_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="neither a number of requests nor a time"):
        RefreshSettings(LAYOUT, budget=text)


def test_budgets() -> None:
    assert RefreshBudget.parse("500requests") == RefreshBudget(requests=500)
    assert RefreshBudget.parse("10m") == RefreshBudget(seconds=600)


async def test_a_run_that_fails_leaves_a_report() -> None:
    scene = an_account(a_day=SMALL)
    await scene.run()
    scene.clock.advance(DAY)
    scene.source_dies_after = 3
    with pytest.raises(SourceUnavailable):
        await scene.run()
    document = newest_report(scene)
    assert (document["kind"], document["outcome"], document["error"]) == ("run", "failed", "SourceUnavailable")
    assert "500, again and again" in str(document["explanation"])


async def test_the_next_run_says_that_one_did_not_end() -> None:
    scene = an_account(a_day=SMALL)
    await scene.run()
    scene.clock.advance(DAY)
    put, killed = scene.store.put, asyncio.Event()

    async def dies(key: str, *arguments: object, **settings: object) -> str:
        if "/runs/" in key and killed.is_set():
            raise Killed
        version = await put(key, *arguments, **settings)  # type: ignore[arg-type]
        if "/runs/" in key:
            killed.set()
        return version

    scene.store.put = dies  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await scene.run()
    scene.store.put = put  # type: ignore[method-assign]
    assert newest_report(scene)["outcome"] == "running"
    scene.clock.advance(DAY)
    assert (await scene.verify()).notes, "a verify says so, too, and the run after it still does"
    scene.clock.advance(DAY)
    assert any("Did not end: run " in note for note in (await scene.run()).notes)
    for _ in range(LOOKED_AT):
        scene.clock.advance(DAY)
        report = await scene.run()
    assert not any("Did not end" in note for note in report.notes)


async def test_an_error_that_is_not_ours_is_named_without_its_text() -> None:
    scene = an_account(a_day=SMALL)
    await scene.run()
    scene.clock.advance(DAY)

    def spoil(document: dict[str, object]) -> None:
        raise RuntimeError("sk-secret")

    scene.spoil = spoil
    with pytest.raises(RuntimeError):
        await scene.run()
    document = newest_report(scene)
    assert document["error"] == "RuntimeError"
    assert "sk-secret" not in json.dumps(document)


async def test_a_store_that_cannot_take_the_report_does_not_hide_the_error() -> None:
    scene = an_account(a_day=SMALL)
    await scene.run()
    scene.clock.advance(DAY)
    scene.source_dies_after = 1

    async def fails(key: str, *arguments: object, **settings: object) -> str:
        raise PermissionError("403")

    scene.store.put = fails  # type: ignore[method-assign]
    with pytest.raises(SourceUnavailable):
        await scene.run()
