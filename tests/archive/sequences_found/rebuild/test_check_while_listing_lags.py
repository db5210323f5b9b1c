"""Rebuilds, and a check of images, on a store whose listing lags."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from dev.campaign.sequences.account import BEGAN
from dev.campaign.sequences.scenario import Scenario

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    scenario = Scenario()
    for day in range(3):
        at = BEGAN - (3 - day) * DAY
        scenario.account.make(at, at + timedelta(seconds=11))
    assert scenario.play(scenario.run()).report.outcome == "proven"
    yield scenario
    scenario.close()


def test_an_image_that_is_not_listed_yet_is_not_lost(scenario: Scenario) -> None:
    """It was stored a moment ago, and its object can be read."""
    scenario.bucket.list_late()
    scenario.account.make(BEGAN - HOUR, BEGAN - HOUR + timedelta(seconds=11))
    assert scenario.play(scenario.run()).report.outcome == "proven"
    report = scenario.play(scenario.rebuild(check_images=True))
    assert not report.lost_images, report.explain()
    assert scenario.play(scenario.status()).images.lost == 0


def test_a_partition_that_is_removed_and_still_listed_is_rebuilt(scenario: Scenario) -> None:
    removed = next(key for key in scenario.bucket.objects if scenario.layout.parse_partition(key))
    scenario.bucket.list_late()
    del scenario.bucket.objects[removed]
    report = scenario.play(scenario.rebuild())
    assert [scenario.layout.partition(day) for day in report.missing] == [removed]
    assert report.outcome != "proven"
    assert scenario.play(scenario.run()).report.outcome == "proven"
    assert removed in scenario.bucket.objects
