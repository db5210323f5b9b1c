"""A run that begins while a check of images is about to write."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from dev.campaign.sequences.account import BEGAN
from dev.campaign.sequences.bucket import Trouble
from dev.campaign.sequences.scenario import Scenario
from stablecog_provider.errors import StoreUnavailable

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    scenario = Scenario()
    for day in range(3):
        at = BEGAN - (3 - day) * DAY
        scenario.account.make(at, at + timedelta(seconds=11))
    assert scenario.play(scenario.run()).report.outcome == "proven"
    yield scenario
    scenario.close()


def test_a_run_keeps_an_intent_that_was_saved_after_it_had_looked_at_its_clock(scenario: Scenario) -> None:
    """The check writes its marks after the run has looked, and finds the checkpoint overtaken; the listing lags."""
    for key in scenario.bucket.keys(scenario.layout.images):
        scenario.bucket.tampered[key] = scenario.bucket.objects.pop(key)

    async def both() -> object:
        run = Trouble(stops_at=1)
        running = asyncio.create_task(scenario.run(run))
        await run.stopped.wait()
        scenario.account.now += SECOND
        for operation in range(2, 40):
            check = Trouble(stops_at=operation)
            checking = asyncio.create_task(scenario.rebuild(check, check_images=True))
            await asyncio.sleep(0)
            while not (check.stopped.is_set() or checking.done()):  # noqa: ASYNC110
                await asyncio.sleep(0)
            assert scenario.checkpoint is not None
            if scenario.checkpoint.intents:
                break
            checking.cancel()
        run.resume.set()
        await running
        scenario.bucket.list_late()
        check.resume.set()
        return await checking

    assert isinstance(scenario.play(both()), StoreUnavailable)
    assert any(row.state == "lost" for row in scenario.rows().values())
    assert scenario.play(scenario.status()).exit_code == 3
