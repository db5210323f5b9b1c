"""A run or a `verify --repair` that stores an image while another process forgets its output."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import day_of
from support.archived import rebuilt
from support.forgotten import (
    archived_with_secrets,
    assert_forgotten,
    everything,
    found_in,
    is_killed,
    killed_at,
    other_process,
    some,
    traces_of,
)
from support.injured import edit, key_of, lose
from support.scene import LAYOUT, Scene
from support.worlds import a_world, checkpoint

LATER = timedelta(hours=2)


def _nameless(scene: Scene, row: Row) -> None:
    edit(scene, row, uri=None)
    lose(scene, row)


@pytest.mark.parametrize("injury", [lose, _nameless])
async def test_an_image_that_was_repaired_after_all_is_left_to_the_next_forget(
    injury: Callable[[Scene, Row], None],
) -> None:
    scene = await archived_with_secrets(a_world(40, days=3, future=0))
    row = (await some(scene))[0]
    injury(scene, row)
    scene.store.before = other_process("put", key_of(row), lambda: scene.forget(id=(row.output_id,), yes=True))
    await scene.verify(repair=True)
    assert found_in(everything(scene.store), traces_of([row])), "the repair has stored it after all"
    assert checkpoint(scene).forgetting, "and nobody would know"
    await scene.forget(yes=True)
    await assert_forgotten(scene, [row])


async def _repaired(scene: Scene, row: Row) -> Awaitable[object]:
    lose(scene, row)
    return scene.verify(repair=True)


async def _copied_again(scene: Scene, row: Row) -> Awaitable[object]:
    lose(scene, row)
    await rebuilt(scene, check_images=True)
    scene.clock.advance(LATER)
    return scene.run()


@pytest.mark.parametrize("process", [_repaired, _copied_again])
async def test_killed_before_it_could_note_that_it_is_left_to_the_next_forget_all_the_same(
    process: Callable[[Scene, Row], Awaitable[Awaitable[object]]],
) -> None:
    scene = await archived_with_secrets(a_world(40, days=3, future=0))
    row = next(row for row in await some(scene) if row.rendition == "original")
    at_work = await process(scene, row)

    async def forgets_and_kills() -> None:
        report = await scene.forget(id=(row.output_id,), yes=True)
        assert report.exit_code == 3
        assert "Run `stablecog-archive forget --to ... --yes`" in " ".join(report.explain())
        scene.store.after = killed_at("put", key_of(row))

    scene.store.before = other_process("put", key_of(row), forgets_and_kills)
    assert await is_killed(at_work)
    scene.store.before = scene.store.after = None
    assert key_of(row) in scene.store.objects
    assert "forget --to" in " ".join((await scene.run()).explain())
    scene.clock.advance(LATER)
    await scene.forget(yes=True)
    await assert_forgotten(scene, [row])


@pytest.mark.parametrize("process", [_repaired, _copied_again])
async def test_what_was_forgotten_before_the_process_says_that_it_stores_is_not_stored(
    process: Callable[[Scene, Row], Awaitable[Awaitable[object]]],
) -> None:
    """It has read the row before, and the forget has come to its end by then."""
    scene = await archived_with_secrets(a_world(40, days=3, future=0))
    row = next(row for row in await some(scene) if row.rendition == "original")
    at_work = await process(scene, row)
    forgets = other_process(
        "get", LAYOUT.partition(day_of(row.created_at)), lambda: scene.forget(id=(row.output_id,), yes=True)
    )
    scene.store.after = forgets
    await at_work
    scene.store.after = None
    assert key_of(row) not in scene.store.objects
    await assert_forgotten(scene, [row])
