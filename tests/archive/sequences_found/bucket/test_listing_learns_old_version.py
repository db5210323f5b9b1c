"""A listing that lagged once, and a partition that is restored from its earlier version later."""

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


def test_a_listing_that_lagged_once_hides_no_restored_partition(scenario: Scenario) -> None:
    bucket = scenario.bucket
    key = bucket.keys(scenario.layout.manifest)[-1]
    earlier = bucket.objects[key]
    # The newest partition changes, and the listing shows its earlier version for the time of one run.
    bucket.list_late()
    at = BEGAN - DAY + HOUR
    scenario.account.make(at, at + timedelta(seconds=11))
    assert scenario.play(scenario.run(lookback=9 * DAY)).report.outcome == "proven"
    assert bucket.objects[key].version != earlier.version
    scenario.account.now += timedelta(minutes=5)
    assert scenario.play(scenario.run()).report.outcome == "proven"
    bucket.list_all()
    assert scenario.play(scenario.status()).exit_code == 0
    # Much later: the earlier version is put back, byte for byte, and so with the same ETag.
    bucket.objects[key] = earlier
    assert scenario.play(scenario.status()).exit_code == 3
    assert scenario.play(scenario.run()).report.changed
