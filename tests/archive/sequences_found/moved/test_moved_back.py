"""An archive that is moved, and later moved back to where it was before, with what was archived in the meantime or without."""

from __future__ import annotations

import pytest

from stablecog_provider.archive.committing import moves
from stablecog_provider.errors import ImageGone
from stablecog_provider.model.row_lifecycle import image_name
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


@pytest.mark.parametrize("verified", [False, True])
async def test_days_of_which_everything_was_lost_there_are_found_again_here(verified: bool) -> None:
    """Nothing was copied along, and the hosts have nothing any more. All images still lie where the archive was before."""
    stage = stage_of(*days_of(20, 3))
    stage.store.address = "here"
    await stage.ordinary_runs(1)
    left = {key: held for key, held in stage.store.objects.items() if LAYOUT.parse_image(key)}
    for row in (await stage.rows()).values():
        stage.images.broken[image_name(row.source_url)] = ImageGone("404")
    stage.store.address = "there"
    for key in left:
        del stage.store.objects[key]
    if verified:
        await stage.verify(level="listing", repair=True)
    else:
        await stage.ordinary_runs(2)
    assert (await stage.status()).images.lost == 60
    stage.store.objects.update(left)
    stage.store.address = "here"
    assert (await stage.ordinary_runs(1))[0].outcome == "proven"
    await stage.assert_nothing_lost()


@pytest.mark.parametrize("level", ["listing", "content"])
async def test_an_image_that_a_verify_repaired_there_is_missed_here(level: str) -> None:
    stage = stage_of(*days_of(20, 3))
    stage.store.address = "here"
    await stage.ordinary_runs(1)
    key = min(_images(stage))
    del stage.store.objects[key]
    stage.store.address = "there"
    assert (await stage.verify(level=level, repair=True)).outcome == "repaired"
    del stage.store.objects[key]
    stage.store.address = "here"
    await stage.ordinary_runs(2)
    await stage.assert_nothing_lost()
