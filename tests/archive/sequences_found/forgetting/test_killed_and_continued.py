"""A forget that is killed, or that meets another one: any later forget ends what was begun."""

from __future__ import annotations

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import StoreUnavailable
from stablecog_provider.model.object_keys import day_of
from support.forgotten import (
    archived_with_secrets,
    assert_forgotten,
    ids_of,
    is_killed,
    killed_at,
    other_process,
    some,
)
from support.killed import Killed
from support.scene import LAYOUT
from support.worlds import a_world, checkpoint


async def test_killed_at_any_write_before_the_rows_what_the_note_advises_forgets_what_was_chosen() -> None:
    noted, step, was_killed = 0, 0, True
    while was_killed:
        scene = await archived_with_secrets(a_world(40, days=3, future=0))
        rows, left = await some(scene, 1), step

        def count(call: Call) -> None:
            nonlocal left
            left -= call.operation == "put"
            if left < 0 or (call.operation == "put" and "/manifest/" in call.key):
                raise Killed

        scene.store.before = scene.store.after = count
        was_killed = await is_killed(scene.forget(id=ids_of(rows), yes=True))
        scene.store.before = scene.store.after = None
        has_note = bool(checkpoint(scene).forgetting)
        report = await scene.forget(yes=True)
        if has_note:
            noted += 1
            await assert_forgotten(scene, rows)
        else:
            assert report.outcome == "nothing to forget"
            await scene.forget(id=ids_of(rows), yes=True)
            await assert_forgotten(scene, rows)
        step += 2
        was_killed = was_killed and step < 20
    assert noted > 3


@pytest.mark.parametrize(("moment", "end"), [("/forgotten/", "erase"), ("/manifest/", "put")])
async def test_a_second_forget_at_the_same_time_does_not_take_back_the_note_of_the_first(moment: str, end: str) -> None:
    scene = await archived_with_secrets(a_world(40, days=3, future=0))
    first, *_, other = [row for row in await some(scene) if row.rendition == "original"]
    assert day_of(first.created_at) != day_of(other.created_at)

    async def second() -> None:
        await scene.forget(id=(other.output_id,), yes=True)
        scene.store.before = killed_at(end, first.output_id if end == "erase" else LAYOUT.checkpoint)

    scene.store.before = other_process("put", moment, second)
    assert await is_killed(scene.forget(id=(first.output_id,), yes=True))
    scene.store.before = None
    await scene.forget(yes=True)
    await assert_forgotten(scene, [first, other])


async def test_a_store_that_fails_is_named_as_such() -> None:
    scene = await archived_with_secrets(a_world(40, days=3, future=0))
    row = (await some(scene))[0]
    for operation, part in (("get", "/runs/"), ("put", "/manifest/"), ("erase", f"/{row.output_id}")):

        def fails(call: Call, operation: str = operation, part: str = part) -> None:
            if call.operation == operation and part in call.key:
                raise StoreUnavailable("503, again and again")

        scene.store.before = fails
        with pytest.raises(StoreUnavailable, match="503"):
            await scene.forget(id=(row.output_id,), yes=True)
    scene.store.before = None
    await scene.forget(yes=True)
    await assert_forgotten(scene, [row])
