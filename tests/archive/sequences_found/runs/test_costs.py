"""A run makes no more requests than its report says that it may."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stablecog_provider.adapters.memory import MemoryObject
from stablecog_provider.simulator.dialect import DOCUMENTED, CursorKey, Dialect
from support.archived import partitions
from support.scene import Scene
from support.stage import DAY, NOON, days_of, stage_of
from support.worlds import a_world

OPAQUE = Dialect(cursor=CursorKey.OPAQUE)


@pytest.mark.long
async def test_small_pages_are_part_of_the_limit() -> None:
    """Every partition was written by something else, as after a copy of the bucket: all days are read again."""
    scene = Scene(a_world(600))
    assert (await scene.run(per_page=7)).source_requests <= 600
    for key in partitions(scene):
        item = scene.store.objects[key]
        scene.store.objects[key] = MemoryObject(item.body, f"copied-{item.version}", item.content_type, item.metadata)
    scene.clock.advance(timedelta(hours=1))
    outcomes = []
    for _ in range(4):
        report = await scene.run(per_page=7)
        outcomes.append(report.outcome)
        assert report.source_requests <= report.request_limit
    assert (outcomes[0], outcomes[-1]) == ("proven, in part", "proven")


async def test_pages_as_the_documentation_has_them_are_part_of_the_limit() -> None:
    scene = Scene(a_world(2000, future=0), OPAQUE)
    report = await scene.run()
    assert report.source_requests <= report.request_limit


@pytest.mark.long
@pytest.mark.parametrize("counts_by_date", [True, False])
async def test_without_a_cursor_one_reading_serves_all_days(counts_by_date: bool) -> None:
    """Every partition was written by something else, and no cursor leads to a day."""
    scene = Scene(a_world(3000, days=9, future=0), replace(OPAQUE, counts_by_date=counts_by_date))
    await scene.run()
    for key in partitions(scene):
        item = scene.store.objects[key]
        scene.store.objects[key] = MemoryObject(item.body, f"copied-{item.version}", item.content_type, item.metadata)
    scene.clock.advance(timedelta(hours=1))
    report = await scene.run()
    assert report.outcome == "proven"
    assert report.source_requests <= report.request_limit
    assert report.source_requests < 2 * 3000 / 50 + 20, (
        "the account is read once for the lookback, and once for all days"
    )
    report = await scene.run()
    assert report.source_requests < 3000 / 50 + 20


@pytest.mark.long
async def test_without_a_cursor_a_part_costs_what_the_report_names() -> None:
    scene = Scene(a_world(3000, days=9, future=0), OPAQUE)
    now = scene.clock.now()
    for start, end in ((9, 6), (3, None), (6, 3)):
        report = await scene.run(
            start=now - timedelta(days=start), end=None if end is None else now - timedelta(days=end)
        )
        assert report.source_requests <= report.request_limit


@pytest.mark.long
async def test_remembered_places_cost_no_walk_each_when_the_counts_ignore_dates() -> None:
    """Each place is compared with the total less all that is listed after it, which is read once."""
    stage = stage_of(*days_of(100, 60))
    hidden = {output.id for output in stage.simulated.visible(NOON)[50:2500:310]}

    def hide(document: dict[str, Any]) -> None:
        document["outputs"] = [output for output in document["outputs"] if output["id"] not in hidden]

    stage.spoil = hide
    await stage.run()
    stage.dialect = DOCUMENTED
    for report in (await stage.run(), await stage.run()):
        assert report.source_requests <= report.request_limit, (report.source_requests, report.request_limit)


@pytest.mark.long
async def test_remembered_places_are_counted_with_one_reading_of_what_is_newer() -> None:
    """Each place is due, and is compared with the total less all that is listed after it."""
    stage = stage_of(*days_of(100, 60))
    hidden = {output.id for output in stage.simulated.visible(NOON)[50:2500:310]}

    def hide(document: dict[str, Any]) -> None:
        document["outputs"] = [output for output in document["outputs"] if output["id"] not in hidden]

    stage.spoil = hide
    await stage.run()
    stage.dialect = DOCUMENTED
    (report,) = await stage.ordinary_runs(1, every=40 * DAY)
    assert len(report.differences) == len(hidden)
    assert report.source_requests <= 6000 / 300 + 30
