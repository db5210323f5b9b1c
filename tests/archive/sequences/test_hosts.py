"""Image hosts that are sick, one of them or all: the well ones are not held up, and nothing hides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from stablecog_provider.errors import ImageGone, SourceUnavailable
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.simulator.dialect import PRESETS
from support.stage import DAY, HOUR, NOON, Stage, days_of, every, stage_of, state_counts

MINUTE = timedelta(minutes=1)
OLD = "old.test"
DOWN = SourceUnavailable("connection refused")


def with_the_oldest_on_another_host(stage: Stage, count: int) -> set[str]:
    """The source names an old host for the images of so many oldest outputs; returns their ids."""
    oldest = {output.id for output in stage.simulated.visible(NOON)[:count]}

    def spoil(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            if output["id"] in oldest:
                output["image_url"] = output["image_url"].replace("simulated.test", OLD)

    stage.spoil = spoil
    return oldest


@pytest.mark.parametrize("dialect", PRESETS)
@pytest.mark.parametrize("error", [DOWN, ImageGone("404: gone")], ids=["down", "404"])
async def test_images_on_a_dead_host_hold_up_no_other(dialect: str, error: Exception) -> None:
    """Sequence 16: the 25 oldest of 100 are on it; oldest first, they would come before all others."""
    stage = stage_of(*days_of(20, 5), dialect=PRESETS[dialect])
    with_the_oldest_on_another_host(stage, 25)
    stage.images.down[OLD] = error
    report = await stage.checked_run()
    assert (report.outcome, report.exit_code, report.copied) == ("proven, with failed images", 3, 75)
    assert state_counts((await stage.rows()).values()) == {"archived": 75, "failed": 25}
    assert (await stage.status()).exit_code == 3
    await stage.ordinary_runs(3)
    stage.images.down.clear()
    # A host that was down for days is asked again within the longest rest.
    reports = await stage.ordinary_runs(8)
    assert reports[-1].outcome == "proven"
    await stage.assert_nothing_lost()


async def test_a_run_of_a_part_claims_a_part() -> None:
    """Sequence 16: `--start` after the dead host's images proves what it compared, and no more."""
    stage = stage_of(*days_of(20, 5))
    with_the_oldest_on_another_host(stage, 25)
    stage.images.down[OLD] = DOWN
    report = await stage.run(start=stage.simulated.visible(NOON)[50].g)
    assert (report.outcome, report.exit_code) == ("proven, in part", 3)
    told = await stage.status()
    assert (told.outcome, told.exit_code) == ("proven, in part", 3)
    assert "That is not the whole archive" in "\n".join(told.explain())


async def test_the_dead_host_is_named_with_its_failure() -> None:
    """Sequence 16: who reads the report knows which host, and that nothing waits for it."""
    stage = stage_of(*days_of(20, 5))
    with_the_oldest_on_another_host(stage, 25)
    stage.images.down[OLD] = DOWN
    report = await stage.checked_run()
    assert list(report.hosts_down) == [OLD]
    assert any(f"The image host {OLD} is down (connection refused)" in line for line in report.explain())


async def test_every_host_is_down_for_days_and_everything_is_recorded_and_fetched_later() -> None:
    """Sequence 16: not a single image can be had; the rows are there."""
    stage = stage_of(*days_of(20, 5))
    stage.images.down["simulated.test"] = DOWN
    await stage.checked_run()
    assert state_counts((await stage.rows()).values()) == {"failed": 100}
    for report in await stage.ordinary_runs(4):
        assert report.outcome == "proven, with failed images"
        assert report.read <= 20 + 100, "the lookback, and what is due; nothing twice"
    stage.images.down.clear()
    assert (await stage.ordinary_runs(8))[-1].outcome == "proven"
    await stage.assert_nothing_lost()


async def test_new_outputs_are_archived_while_an_old_host_stays_dead() -> None:
    """Sequence 16: weeks of it; every day's outputs are archived on their day."""
    stage = stage_of(*days_of(10, 3))
    with_the_oldest_on_another_host(stage, 25)
    stage.images.down[OLD] = DOWN
    await stage.checked_run()
    for number in range(10):
        made = stage.clock.now() + HOUR
        stage.simulated.add(made, made + timedelta(seconds=5))
        (report,) = await stage.ordinary_runs(1)
        assert (report.new, report.copied) == (1, 1), number


async def test_a_404_of_a_host_that_serves_nothing_is_no_verdict_on_the_image() -> None:
    """Sequence 1: the old host answers 404 for all of its images; another host is well."""
    stage = stage_of(*every(MINUTE, 30, 5 * HOUR))
    with_the_oldest_on_another_host(stage, 25)
    stage.images.down[OLD] = ImageGone("404")
    await stage.checked_run()
    for report in await stage.ordinary_runs(10):
        assert (report.images.gone, report.images.failed, report.exit_code) == (0, 25, 3)


async def test_a_host_that_serves_some_images_makes_a_404_count() -> None:
    """Sequence 1: what is gone for days is said to be gone, and the verdict counts it."""
    stage = stage_of(*every(MINUTE, 30, 5 * HOUR))
    victim = stage.simulated.visible(NOON)[4]
    stage.images.broken[victim.file_name(Rendition.ORIGINAL)] = ImageGone("404")
    assert (await stage.checked_run()).outcome == "proven, with failed images"
    report = (await stage.ordinary_runs(12))[-1]
    assert (report.outcome, report.images.settled) == ("proven", 1)
    assert "1 image is gone at the source" in "\n".join((await stage.status()).explain())
    await stage.assert_nothing_lost(without_image=[victim.id])
    assert stage.clock.now() - NOON == 12 * DAY
