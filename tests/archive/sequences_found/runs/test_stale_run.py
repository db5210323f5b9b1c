"""A run that ends after others, which began later, came to their end."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from stablecog_provider.model.page import Page, PageQuery
from support.stage import DAY, HOUR, NOON, Ask, Stage, days_of, stage_of
from support.worlds import checkpoint

MINUTE = timedelta(minutes=1)


def beside(stage: Stage) -> Stage:
    """Another machine with the same account, bucket and clock."""
    other = stage.beside()
    other.spoil = stage.spoil
    return other


async def test_a_slice_that_was_read_before_the_round_began_ends_no_round() -> None:
    """A laptop sleeps for three days while the runs of another machine end one round and begin the next."""
    stage = stage_of(*days_of(100, 6))
    await stage.run()
    await stage.ordinary_runs(2)
    asleep, wake = asyncio.Event(), asyncio.Event()
    sleeper, asked = beside(stage), 0

    async def sleep(query: PageQuery, ask: Ask) -> Page:
        nonlocal asked
        asked += 1
        if asked == 3:
            asleep.set()
            await wake.wait()
        return await ask(query)

    sleeper.play = sleep
    stage.clock.advance(DAY)
    stale = asyncio.create_task(sleeper.run())
    await asleep.wait()
    await stage.ordinary_runs(1)
    stage.simulated.upscale(stage.simulated.visible(NOON)[-5].id, stage.clock.now() + HOUR)
    await stage.ordinary_runs(2)
    wake.set()

    await stage.assert_claims_hold(await stale)


async def test_a_part_that_was_proven_meanwhile_hides_no_difference_of_the_whole() -> None:
    """A backfill of a part begins and ends while a run of the whole compares."""
    stage = stage_of(*days_of(20, 6))
    await stage.run()
    stage.clock.advance(HOUR)
    hidden = stage.simulated.add(NOON - 5 * DAY - 2 * HOUR)[0]

    def hide(document: dict[str, Any]) -> None:
        document["outputs"] = [output for output in document["outputs"] if output["id"] != hidden.id]

    stage.spoil, ended = hide, False
    deleted = stage.simulated.visible(NOON)[30].id

    async def play(query: PageQuery, ask: Ask) -> Page:
        nonlocal ended
        page = await ask(query)
        if not ended and query.cursor is None and query.start is not None and query.start < NOON:
            ended = True
            stage.clock.advance(MINUTE)
            await beside(stage).run(end=NOON - 5.5 * DAY)
            stage.clock.advance(MINUTE)
        return page

    stage.play = play
    report = await stage.run()
    assert (report.outcome, len(report.differences)) == ("not proven", 1)
    remembered, told = checkpoint(stage).differences, (await stage.status()).outcome
    stage.play = None
    stage.simulated.delete(deleted, stage.clock.now())

    assert {str(each.outcome) for each in await stage.ordinary_runs(3)} == {"not proven"}
    assert (remembered, told) == (report.differences, "not proven")


async def test_what_was_read_before_another_run_does_not_overrule_what_that_run_read() -> None:
    """The slice of the second reading is read first and archived last: its rows say that they were seen just now."""
    stage = stage_of(*days_of(20, 3))
    await stage.run()
    changed = stage.simulated.visible(NOON)[3].id
    asleep, wake = asyncio.Event(), asyncio.Event()
    sleeper, asked = beside(stage), 0

    async def sleep(query: PageQuery, ask: Ask) -> Page:
        nonlocal asked
        asked += 1
        if asked == 3:
            asleep.set()
            await wake.wait()
        return await ask(query)

    sleeper.play = sleep
    for day in range(12):
        # More days than the run keeps partitions of.
        stage.simulated.add(NOON + day * DAY)
    stage.clock.advance(12 * DAY)
    slow = asyncio.create_task(sleeper.run())
    await asleep.wait()
    stage.simulated.favourite(changed, stage.clock.now() + MINUTE)
    await stage.ordinary_runs(1, every=HOUR)
    assert (await stage.rows())[changed, "original"].is_favorited
    stage.clock.advance(HOUR)
    wake.set()
    await slow
    assert (await stage.rows())[changed, "original"].is_favorited
