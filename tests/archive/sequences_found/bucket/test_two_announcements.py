"""A rebuild that sets a partition aside, checks images, and is killed while the listing lags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from dev.campaign.sequences.account import BEGAN
from dev.campaign.sequences.bucket import Trouble
from dev.campaign.sequences.scenario import Scenario

DAY = timedelta(days=1)


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    scenario = Scenario()
    for day in range(3):
        at = BEGAN - (3 - day) * DAY
        scenario.account.make(at, at + timedelta(seconds=11))
    assert scenario.play(scenario.run()).report.outcome == "proven"
    yield scenario
    scenario.close()


@pytest.mark.parametrize("kill_at", range(1, 40))
def test_a_second_announcement_adds_to_the_first(scenario: Scenario, kill_at: int) -> None:
    """The first day's partition has rotted on the disk, and the last day's image is missing."""
    bucket, layout = scenario.bucket, scenario.layout
    rotten = bucket.keys(layout.manifest)[0]
    bucket.objects[rotten] = replace(bucket.objects[rotten], body=b"rotten")
    image = bucket.keys(layout.images)[-1]
    bucket.tampered[image] = bucket.objects.pop(image)
    bucket.list_late()
    scenario.play(scenario.rebuild(Trouble(kill_at=kill_at), set_aside_damaged=True, check_images=True))
    if bucket.objects[rotten].body != b"rotten":
        assert scenario.play(scenario.status()).exit_code == 3
