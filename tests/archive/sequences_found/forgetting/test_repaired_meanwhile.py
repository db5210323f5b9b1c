"""A `verify --repair` that puts an image back while another process forgets its output."""

from __future__ import annotations

from stablecog_provider.adapters.memory import Call
from support.archived import a_past_world
from support.forgotten import archived_with_secrets, assert_forgotten, everything, found_in, some, traces_of
from support.injured import key_of, lose
from support.worlds import checkpoint


async def test_an_image_that_was_repaired_after_all_is_left_to_the_next_forget() -> None:
    scene = await archived_with_secrets(a_past_world())
    row = (await some(scene))[0]
    key = key_of(row)
    lose(scene, row)

    async def meanwhile(call: Call) -> None:
        if (call.operation, call.key) == ("put", key):
            scene.store.before = None
            await scene.forget(id=(row.output_id,), yes=True)

    scene.store.before = meanwhile
    await scene.verify(repair=True)
    assert found_in(everything(scene.store), traces_of([row])), "the repair has stored it after all"
    assert checkpoint(scene).forgetting, "and nobody would know"
    await scene.forget(yes=True)
    await assert_forgotten(scene, [row])
