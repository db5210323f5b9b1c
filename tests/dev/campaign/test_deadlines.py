"""A campaign that hangs fails and says what it waited for."""

from __future__ import annotations

import asyncio
import signal

import pytest

from dev.campaign.kills.child import Step, When
from dev.campaign.kills.stage import RunFailed, Stage
from dev.campaign.rig.deadline import within


async def test_work_in_time_returns_its_result() -> None:
    async def work() -> int:
        return 7

    assert await within(60, "the work", work()) == 7


async def test_work_that_never_ends_is_named() -> None:
    with pytest.raises(TimeoutError, match="the work is not done after 0 s"):
        await within(0, "the work", asyncio.Event().wait())


def test_a_run_that_stays_paused_is_killed_and_reported(running_stage: Stage) -> None:
    step = Step("put", "image", 1, When.BEFORE)
    paused = running_stage.start(running_stage.layout("paused"), step, number=signal.SIGSTOP)
    assert paused.pauses()
    with pytest.raises(RunFailed, match="is still running after 0 s"):
        paused.exit_code(0)
    assert paused.exit_code() == -signal.SIGKILL
