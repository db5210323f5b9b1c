"""Runs with a time limit: each is killed after some images, and the next one continues."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest

from stablecog_provider.errors import SourceUnavailable
from support.stage import DAY, HOUR, every, stage_of, state_counts

PER_RUN = 200
"""Images that a run fetches before its time is over: at half a second each, 100 s; a page has 300 images."""
RUNS = 12


class TimeIsOver(BaseException):
    pass


@pytest.mark.parametrize("retrying", [True, False], ids=["retrying", "walking"])
@pytest.mark.long
async def test_the_next_run_continues(retrying: bool) -> None:
    stage = stage_of(*every(timedelta(seconds=30), 600, 2 * DAY))
    if retrying:
        stage.images.down["simulated.test"] = SourceUnavailable("503")
        await stage.checked_run()
        stage.clock.advance(DAY)
        await stage.checked_run()
        stage.images.down.clear()
        assert state_counts((await stage.rows()).values()) == {"failed": 600}

    async def before(_: str) -> None:
        stage.clock.advance(timedelta(seconds=0.5))
        if len(stage.images.asked) >= PER_RUN:
            raise TimeIsOver

    stage.images.before = before
    for _ in range(RUNS):
        stage.clock.advance(3 * HOUR)
        with suppress(TimeIsOver, BaseExceptionGroup):
            await stage.run()
    assert state_counts((await stage.rows()).values()) == {"archived": 600}
