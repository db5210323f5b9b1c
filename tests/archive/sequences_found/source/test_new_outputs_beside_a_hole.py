"""The sensor beside what the listing cannot show: it neither waits for ever nor starts a run each time."""

from __future__ import annotations

from datetime import timedelta

from stablecog_provider.archive.new_outputs import NewOutputs, new_outputs
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, Stage, days_of, stage_of

from .test_page_that_always_fails import poison


async def _look(stage: Stage) -> tuple[NewOutputs, int]:
    source = stage._asked_anew()
    return await new_outputs(source, stage.store, stage.our_clock, LAYOUT), source.requests


async def test_an_output_that_no_page_can_show_hides_no_later_one() -> None:
    stage = stage_of(*days_of(20, 4))
    outputs = sorted(stage.simulated.visible(NOON), key=lambda each: each.g)
    stage.simulated.add(NOON - HOUR / 2, NOON - HOUR / 2)
    poison(stage, [outputs[50].id])
    assert len((await stage.checked_run()).holes) == 1
    stage.clock.advance(HOUR)
    found, requests = await _look(stage)
    assert (found.seen, requests) == (0, 1)
    stage.simulated.add(NOON + HOUR / 2, NOON + HOUR / 2)
    found, requests = await _look(stage)
    assert (found.seen, requests) == (1, 1)


async def test_nor_does_one_that_was_made_since_the_last_run() -> None:
    stage = stage_of(*days_of(20, 4))
    await stage.checked_run()
    first = stage.simulated.add(NOON + HOUR, NOON + HOUR)
    poison(stage, [each.id for each in stage.simulated.visible(NOON + 2 * HOUR) if each.o > NOON])
    stage.clock.advance(2 * HOUR)
    stage.simulated.add(NOON + HOUR * 3 / 2, NOON + HOUR * 3 / 2)
    assert first is not None
    found, requests = await _look(stage)
    assert (found.seen, requests) == (1, 4)
    await stage.checked_run()
    assert not (await _look(stage))[0]


async def test_outputs_of_one_instant_that_no_page_shows_in_full_are_not_new_each_time() -> None:
    stage = stage_of(*([timedelta(days=2)] * 700), *days_of(20, 4))
    assert (await stage.checked_run()).holes
    stage.clock.advance(DAY)
    assert not (await _look(stage))[0]
    stage.simulated.add(stage.clock.now() - HOUR, stage.clock.now() - HOUR)
    assert (await _look(stage))[0].seen == 1
