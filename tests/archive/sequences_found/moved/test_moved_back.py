"""An archive that is moved, and later moved back to where it was before, with what was archived in the meantime or without."""

from __future__ import annotations

import pytest

from stablecog_provider.archive.committing import moves
from support.scene import LAYOUT
from support.stage import DAY, HOUR, Stage, days_of, stage_of


async def _run_at(stage: Stage, place: str) -> str:
    """A run with something new, at this store; returns its verdict."""
    stage.store.address = place
    stage.clock.advance(DAY)
    stage.simulated.add(stage.clock.now() - HOUR, stage.clock.now() - HOUR)
    return (await stage.checked_run()).outcome


def _images(stage: Stage) -> set[str]:
    return {key for key in stage.store.objects if LAYOUT.parse_image(key)}


async def test_images_that_were_left_behind_are_missed() -> None:
    stage = stage_of(*days_of(20, 3))
    await _run_at(stage, "here")
    before = _images(stage)
    for _ in range(3):
        await _run_at(stage, "there")
    left_behind = _images(stage) - before
    assert left_behind
    for key in left_behind:
        del stage.store.objects[key]
    stage.store.address = "here"
    assert (await stage.status()).unchecked == 3
    await _run_at(stage, "here")
    await stage.ordinary_runs(2)
    await stage.assert_nothing_lost()
    assert (await stage.checked_run()).outcome == "proven"


async def test_images_that_were_never_looked_for_there_are_looked_for_here() -> None:
    """All images were lost on the way there, and the archive came back before a run could look for them."""
    stage = stage_of(*days_of(20, 3))
    await _run_at(stage, "here")
    stage.store.address = "there"
    await stage.rebuild()
    for key in _images(stage):
        del stage.store.objects[key]
    stage.store.address = "here"
    assert (await stage.status()).unchecked == 4
    await stage.ordinary_runs(2)
    await stage.assert_nothing_lost()


@pytest.mark.parametrize("rebuilt", [False, True])
async def test_one_store_by_two_addresses_costs_a_look_at_what_is_new(rebuilt: bool) -> None:
    stage = stage_of(*days_of(20, 20))
    await _run_at(stage, "inside")
    await _run_at(stage, "outside")
    for _ in range(3):
        for place in ("inside", "outside"):
            stage.store.address = place
            assert (await stage.status()).unchecked <= 3
            if rebuilt:
                await stage.rebuild(check_images=True)
            assert await _run_at(stage, place) == "proven"


async def test_a_place_that_was_left_long_ago_is_new_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "MOST_ELSEWHERE", 3)
    stage = stage_of(*days_of(20, 3))
    await _run_at(stage, "here")
    for _ in range(5):
        await _run_at(stage, "there")
    stage.store.address = "here"
    assert (await stage.status()).unchecked == 3 + 6
