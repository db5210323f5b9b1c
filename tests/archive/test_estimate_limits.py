"""What a dry run says that a run asks at most, held against what the run asks."""

from __future__ import annotations

from dataclasses import replace

from stablecog_provider.archive.estimate import estimate
from stablecog_provider.archive.run import ArchiveSettings
from stablecog_provider.simulator.dialect import CURRENT
from support.scene import LAYOUT
from support.stage import HOUR, NOON, days_of, stage_of


async def test_small_pages_of_the_lookback_are_in_the_limit() -> None:
    """Nothing is new, and the last day is read again, three outputs per page."""
    stage = stage_of(*days_of(600, 1))
    await stage.run()
    stage.clock.advance(HOUR / 60)
    told = await estimate(stage.ports(), ArchiveSettings(layout=LAYOUT, per_page=3))
    report = await stage.run(per_page=3)
    assert told.request_limit is not None
    assert report.source_requests <= told.request_limit, (report.source_requests, told.request_limit)
    assert "last day" not in " ".join(told.explain())


async def test_no_limit_is_named_if_how_much_is_new_is_unknown() -> None:
    """The counts ignore dates, and a total says nothing about a part."""
    stage = stage_of(*days_of(20, 2), dialect=replace(CURRENT, counts_by_date=False))
    settings = ArchiveSettings(layout=LAYOUT, end=NOON - HOUR)
    told = await estimate(stage.ports(), settings)
    assert told.outputs is None
    assert told.request_limit is None
    assert "at most" not in " ".join(told.explain())
