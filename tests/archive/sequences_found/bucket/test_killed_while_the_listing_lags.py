"""Processes that are killed between a partition and its checkpoint, while the listing shows the partition's earlier version."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from dev.campaign.sequences.account import BEGAN
from dev.campaign.sequences.bucket import Trouble
from dev.campaign.sequences.scenario import Scenario
from stablecog_provider.model.manifest import State

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LAST_OPERATION = 40


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    """An archive that is proven, of three days."""
    scenario = Scenario()
    for day in range(3):
        at = BEGAN - (3 - day) * DAY
        scenario.account.make(at, at + timedelta(seconds=11))
    assert scenario.play(scenario.run()).report.outcome == "proven"
    assert scenario.play(scenario.status()).outcome == "proven"
    yield scenario
    scenario.close()


def lost_images(scenario: Scenario) -> int:
    return sum(row.state == State.LOST for row in scenario.rows().values())


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kill_at", range(1, LAST_OPERATION))
def test_status_after_a_killed_check_of_images(scenario: Scenario, kill_at: int, after: bool) -> None:
    for key in scenario.bucket.keys(scenario.layout.images):
        scenario.bucket.tampered[key] = scenario.bucket.objects.pop(key)
    scenario.bucket.list_late()
    scenario.play(scenario.rebuild(Trouble(kill_at=kill_at, after=after), check_images=True))
    assert not lost_images(scenario) or scenario.play(scenario.status()).exit_code == 3
    # The next run sees what happened, though the listing does not show it.
    report = scenario.play(scenario.run()).report
    assert report.images.lost == lost_images(scenario)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kill_at", range(1, LAST_OPERATION))
def test_status_after_a_killed_run(scenario: Scenario, kill_at: int, after: bool) -> None:
    scenario.account.make(BEGAN, BEGAN + timedelta(seconds=11))
    scenario.account.replace_image(scenario.account.live[0])
    scenario.account.now += HOUR
    scenario.bucket.list_late()
    scenario.play(scenario.run(Trouble(kill_at=kill_at, after=after), lookback=9 * DAY))
    status = scenario.play(scenario.status())
    assert status.exit_code == 3 or status.live == len({key[0] for key in scenario.rows()})
    report = scenario.play(scenario.run()).report
    assert report.outcome == "proven"
    assert scenario.play(scenario.status()).live == len({key[0] for key in scenario.rows()})


def test_the_intent_of_a_killed_process_is_forgotten_in_time(scenario: Scenario) -> None:
    scenario.account.make(BEGAN, BEGAN + timedelta(seconds=11))
    scenario.account.now += HOUR
    assert scenario.play(scenario.run()).report.outcome == "proven"
    assert not scenario.checkpoint.intents  # type: ignore[union-attr]
    scenario.account.make(scenario.account.now, scenario.account.now + timedelta(seconds=11))
    scenario.account.now += HOUR
    operations = 0
    while not scenario.checkpoint.intents:  # type: ignore[union-attr]
        operations += 1
        scenario.play(scenario.run(Trouble(kill_at=operations, after=True)))
    # The process may still be at work an instant later, but not two hours later.
    scenario.play(scenario.run())
    assert scenario.checkpoint.intents  # type: ignore[union-attr]
    scenario.pass_time(2 * HOUR)
    assert scenario.play(scenario.run()).report.outcome == "proven"
    assert not scenario.checkpoint.intents  # type: ignore[union-attr]
