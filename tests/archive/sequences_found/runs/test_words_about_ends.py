"""Sentences on where a proof ends, and on hosts that are down, in states where they were false."""

from __future__ import annotations

from datetime import timedelta

from stablecog_provider.errors import SourceUnavailable
from support.stage import DAY, HOUR, NOON, days_of, stage_of


async def test_a_run_with_an_end_does_not_say_that_the_last_minutes_alone_were_left_out() -> None:
    stage = stage_of(*days_of(20, 6))
    await stage.checked_run()
    stage.clock.advance(HOUR)
    told = " ".join((await stage.checked_run(end=NOON - 3 * DAY)).explain())
    assert "5 minutes" not in told
    assert "on were not compared in this run" in told


async def test_what_an_ordinary_run_leaves_out_is_not_called_archived() -> None:
    stage = stage_of(*days_of(20, 2))
    told = " ".join((await stage.checked_run()).explain())
    assert "not compared yet" in told
    assert "are archived" not in told


async def test_no_image_is_called_skipped_if_each_was_requested() -> None:
    stage = stage_of(*[timedelta(hours=2, minutes=number) for number in range(20)])
    stage.images.down["simulated.test"] = SourceUnavailable("503")
    report = await stage.checked_run()
    assert (report.failed, list(report.hosts_down)) == (20, ["simulated.test"])
    assert "skipped" not in " ".join(report.explain())
