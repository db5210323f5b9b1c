"""The account is recognised by what it lists: not by its key, not by its address, and not by one output."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import pytest

from stablecog_provider.errors import AnotherAccount
from stablecog_provider.simulator.dialect import CURRENT, PRESETS
from stablecog_provider.simulator.outputs import SimulatedOutput
from stablecog_provider.simulator.world import World as SimulatedWorld
from support.stage import DAY, HOUR, NOON, Stage, days_of, every, stage_of, told_options

MINUTE = timedelta(minutes=1)


def world_of(outputs: Iterable[SimulatedOutput], seed: int, own: Iterable[timedelta] = ()) -> SimulatedWorld:
    """Another account: it shares these outputs, and has some of its own."""
    world = SimulatedWorld.empty(NOON, seed=seed)
    shared = list(outputs)
    for output in shared:
        world.account().listing.add(output)
    world._know(shared)
    for ago in own:
        world.add(NOON - ago, NOON - ago + timedelta(seconds=10))
    return world


@pytest.mark.parametrize("dialect", PRESETS)
async def test_the_same_account_at_another_address_goes_on(dialect: str) -> None:
    """Sequence 15: the API moved, and nobody starts again."""
    stage = stage_of(*days_of(20, 4), dialect=PRESETS[dialect])
    await stage.checked_run()
    stage.address = "https://moved.test"
    (report,) = await stage.ordinary_runs(1)
    assert report.outcome == "proven"
    assert any("address changed from https://simulated.test to https://moved.test" in line for line in report.explain())
    assert (await stage.status()).source == "https://moved.test"
    assert (await stage.rebuild()).outcome == "rebuilt"
    stage.address = "https://moved-again.test"
    assert (await stage.rebuild()).outcome == "rebuilt"
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"


@pytest.mark.parametrize("outputs", [3, 80, 300])
async def test_the_key_of_an_empty_account_is_refused_by_run_and_rebuild(outputs: int) -> None:
    """Sequence 17."""
    stage = stage_of(*every(MINUTE, outputs, 2 * DAY))
    await stage.checked_run()
    own, before = stage.simulated, dict(stage.store.objects)
    stage.simulated = SimulatedWorld.empty(NOON)
    stage.clock.advance(DAY)
    for attempt in (stage.run, stage.rebuild):
        with pytest.raises(AnotherAccount) as refused:
            await attempt()
    assert stage.store.objects == before
    stage.simulated = own
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"
    # The way out, followed literally though the key is another's, marks nothing by itself.
    stage.simulated = SimulatedWorld.empty(NOON)
    stage.clock.advance(DAY)
    report = await stage.run(**told_options(refused.value))
    if outputs > 100:
        assert (report.outcome, report.tombstoned) == ("not proven", 0)


@pytest.mark.parametrize("dialect", PRESETS)
@pytest.mark.parametrize("share", [0.6, 0.8])
async def test_a_colleagues_key_that_shares_many_outputs_is_refused(dialect: str, share: float) -> None:
    """Sequence 18: moved together from a team account; the rest of it are the colleague's own."""
    stage = stage_of(*days_of(40, 10), dialect=PRESETS[dialect])
    await stage.checked_run()
    own = stage.simulated.visible(NOON)
    shared = [output for number, output in enumerate(own) if number % 10 < share * 10]
    others = [ago - timedelta(seconds=30) for ago in days_of(40, 10)][:: round(1 / (1 - share))]
    before, mine = dict(stage.store.objects), stage.simulated
    stage.simulated = world_of(shared, seed=9, own=others)
    stage.clock.advance(DAY)
    for attempt in (stage.run, stage.rebuild):
        with pytest.raises(AnotherAccount, match="is not the account of"):
            await attempt()
    assert stage.store.objects == before
    stage.simulated = mine
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"


async def test_a_colleagues_key_of_which_all_older_outputs_are_shared_is_refused() -> None:
    """Sequence 18: only the newest tenth differs, and much of the archive is missing there."""
    stage = stage_of(*days_of(40, 10))
    await stage.checked_run()
    own = stage.simulated.visible(NOON)
    others = [ago - timedelta(seconds=30) for ago in days_of(40, 2)]
    stage.simulated = world_of(own[:240], seed=9, own=others)
    stage.clock.advance(DAY)
    with pytest.raises(AnotherAccount, match="is not the account of"):
        await stage.run()


async def test_the_same_account_is_known_again_after_many_deletions_and_many_new_outputs() -> None:
    """Sequence 18, the other way round: nothing of this makes it another account."""
    stage = stage_of(*days_of(40, 10))
    await stage.checked_run()
    for number, output in enumerate(stage.simulated.visible(NOON)):
        if number % 3:
            stage.simulated.delete(output.id, NOON + HOUR)
    for number in range(300):
        stage.simulated.add(NOON + number * MINUTE)
    (report,) = await stage.ordinary_runs(1)
    assert report.outcome == "not proven"
    stage.clock.advance(HOUR)
    await stage.checked_run(**told_options(report.explain()))
    assert (await stage.ordinary_runs(2))[-1].outcome == "proven"
    await stage.assert_nothing_lost()


@pytest.mark.parametrize("outputs", [5, 200])
async def test_of_two_first_runs_with_two_keys_only_one_goes_on(outputs: int) -> None:
    """Sequence 19: both see an empty bucket."""
    mine = stage_of(*every(MINUTE, outputs, 2 * DAY))
    other = Stage(world_of((), seed=9, own=every(MINUTE, outputs, 2 * DAY + timedelta(seconds=30))), store=mine.store)
    results = await asyncio.gather(mine.run(), other.run(), return_exceptions=True)
    refused = [result for result in results if isinstance(result, AnotherAccount)]
    assert len(refused) == 1, results
    first = mine if isinstance(results[1], AnotherAccount) else other
    known = {output.id for output in first.simulated.visible(NOON)}
    assert {output_id for output_id, _ in await first.rows()} <= known
    second = other if first is mine else mine
    second.clock.advance(HOUR)
    with pytest.raises(AnotherAccount):
        await second.run()
    assert (await first.ordinary_runs(1))[-1].outcome == "proven"
    await first.assert_nothing_lost()


async def test_two_first_runs_with_the_same_key_both_end_well() -> None:
    """Sequence 19, the harmless case: one of them reads with the checkpoint that the other one created."""
    stage = stage_of(*every(MINUTE, 200, 2 * DAY))
    again = Stage(stage.simulated, CURRENT, store=stage.store)
    reports = await asyncio.gather(stage.run(), again.run())
    assert {report.outcome for report in reports} == {"proven"}
    await stage.assert_nothing_lost()
