"""An output that the source's server cannot list: each page that would show it fails."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from stablecog_provider.errors import SourceUnavailable
from stablecog_provider.model.output import identity
from stablecog_provider.model.page import Page, PageQuery
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, Ask, Stage, days_of, stage_of


def poison(stage: Stage, output_ids: Iterable[str]) -> None:
    poisoned = {*output_ids}

    async def play(query: PageQuery, ask: Ask) -> Page:
        page = await ask(query)
        if poisoned & {identity(output) for output in page.outputs}:
            raise SourceUnavailable("500 Internal Server Error")
        return page

    stage.play = play


async def rows_of(stage: Stage) -> set[str]:
    return {output_id for output_id, _ in await stage.rows()}


@pytest.mark.parametrize("number", [0, 1, 150, 399])
async def test_all_others_are_archived_and_the_hole_is_named_until_it_can_be_listed(number: int) -> None:
    stage = stage_of(*days_of(100, 4))
    outputs = sorted(stage.simulated.visible(NOON), key=lambda each: each.g)
    victim = outputs[number].id
    stage.simulated.add(NOON - HOUR / 2, NOON - HOUR / 2)
    poison(stage, [victim])
    report = await stage.checked_run()
    assert report.outcome == "not proven"
    assert (await rows_of(stage)) == {each.id for each in stage.simulated.visible(NOON)} - {victim}
    assert len(report.holes) == 1
    stage.play = None
    stage.clock.advance(10 * DAY)
    await stage.ordinary_runs(3)
    assert victim in await rows_of(stage)
    assert (await stage.checked_run()).outcome == "proven"


@pytest.mark.long
async def test_every_run_goes_on_beside_it() -> None:
    """What is new is archived, the second reading gets past it, and its neighbours' changes are seen."""
    stage = stage_of(*days_of(30, 10))
    outputs = sorted(stage.simulated.visible(NOON), key=lambda each: each.g)
    poison(stage, [outputs[100].id])
    await stage.run()
    for _ in range(40):
        stage.clock.advance(DAY)
        now = stage.clock.now()
        stage.simulated.add(now - HOUR, now - HOUR)
        await stage.checked_run()
    lacking = {each.id for each in stage.simulated.visible(stage.clock.now() - HOUR / 2)} - await rows_of(stage)
    assert lacking == {outputs[100].id}
    report = await stage.checked_run()
    assert report.sweep.rounds >= 1


@pytest.mark.parametrize("number", range(5))
async def test_one_that_was_archived_before_stops_no_run(number: int) -> None:
    """Not even on a sparse account, where the second reading begins or ends at it."""
    stage = stage_of(*days_of(2, 3))
    await stage.ordinary_runs(2)
    outputs = sorted(stage.simulated.visible(NOON), key=lambda each: each.g)
    poison(stage, [outputs[number].id])
    claims: list[str] = []
    for _ in range(8):
        stage.clock.advance(DAY)
        claims += (await stage.checked_run()).explain()
    if number == 0:
        assert any("1 period could not be read again, since the pages fail" in claim for claim in claims)
    stage.play = None
    stage.clock.advance(10 * DAY)
    await stage.ordinary_runs(3)
    assert (await stage.checked_run()).outcome == "proven"


async def test_several_of_them_are_several_holes() -> None:
    stage = stage_of(*days_of(100, 4))
    outputs = sorted(stage.simulated.visible(NOON), key=lambda each: each.g)
    victims = {outputs[number].id for number in (20, 21, 200, 350)}
    poison(stage, victims)
    await stage.run()
    assert (await rows_of(stage)) == {each.id for each in outputs} - victims


async def test_a_source_that_goes_down_ends_the_run() -> None:
    stage = stage_of(*days_of(100, 10))
    asked = 0

    async def play(query: PageQuery, ask: Ask) -> Page:
        nonlocal asked
        asked += 1
        if asked > 5:
            raise SourceUnavailable("503")
        return await ask(query)

    stage.play = play
    with pytest.raises(SourceUnavailable):
        await stage.run()
    assert asked == 7


@pytest.mark.long
async def test_an_archived_output_that_cannot_be_listed_any_more_stops_no_run() -> None:
    """The second reading gets past it, finds what happened to its neighbours, and says what it could not read."""
    stage = stage_of(*days_of(30, 10))
    await stage.checked_run()
    outputs = sorted(stage.simulated.visible(NOON), key=lambda each: each.g)
    poison(stage, [outputs[100].id])
    for number in (98, 99, 101, 102):
        stage.simulated.upscale(outputs[number].id, NOON + 2 * DAY)
    for _ in range(40):
        stage.clock.advance(DAY)
        stage.simulated.add(stage.clock.now() - HOUR, stage.clock.now() - HOUR)
        report = await stage.checked_run()
    assert report.sweep.rounds >= 1
    assert "1 period could not be read again, since the pages fail" in " ".join(report.explain())
    await stage.assert_nothing_lost()
    stage.play = None
    await stage.ordinary_runs(25)
    report = await stage.checked_run()
    assert "since the pages fail" not in " ".join(report.explain())
    assert report.outcome == "proven"


@pytest.mark.long
async def test_many_of_them_are_part_of_the_limit() -> None:
    stage = stage_of(*days_of(100, 30))
    outputs = sorted(stage.simulated.visible(NOON), key=lambda each: each.g)
    victims = {outputs[50 + 200 * number].id for number in range(12)}
    poison(stage, victims)
    for _ in range(3):
        await stage.checked_run()
        stage.clock.advance(DAY)
    assert (await rows_of(stage)) == {each.id for each in outputs} - victims


async def test_a_rebuild_after_a_partition_was_lost_goes_on_beside_it() -> None:
    """Whether the source lists what is held is looked at on several days, of which one has such a page."""
    stage = stage_of(*days_of(100, 4))
    await stage.checked_run()
    outputs = sorted(stage.simulated.visible(NOON), key=lambda each: each.g)
    poison(stage, [outputs[50].id])
    del stage.store.objects[LAYOUT.partition(outputs[150].g.date())]
    await stage.rebuild()
    await stage.checked_run()
    stage.play = None
    stage.clock.advance(10 * DAY)
    await stage.ordinary_runs(2)
    await stage.assert_nothing_lost()
