"""A rebuild after a forget that was killed, and one that is killed itself while it forgets again."""

from __future__ import annotations

from stablecog_provider.model.object_keys import day_of
from support.archived import rebuilt
from support.forgotten import archived_with_secrets, assert_forgotten, is_killed, killed_at, some
from support.scene import LAYOUT
from support.worlds import a_world, checkpoint


async def test_what_a_killed_forget_left_is_still_named_if_the_checkpoint_was_lost() -> None:
    scene = await archived_with_secrets(a_world(40, days=3, future=0))
    row = (await some(scene))[0]
    scene.store.before = killed_at("erase", f"/{row.output_id}")
    assert await is_killed(scene.forget(id=(row.output_id,), yes=True))
    scene.store.before = None
    del scene.store.objects[LAYOUT.checkpoint]
    await rebuilt(scene)
    assert "forget --to" in " ".join((await scene.run()).explain())
    await scene.forget(yes=True)
    scene.store.earlier.pop(LAYOUT.checkpoint, None)
    await assert_forgotten(scene, [row])


async def test_a_rebuild_that_is_killed_after_it_has_forgotten_something_again_has_noted_it() -> None:
    scene = await archived_with_secrets(a_world(40, days=3, future=0))
    row = (await some(scene))[0]
    partition = LAYOUT.partition(day_of(row.created_at))
    before = scene.store.objects[partition].body
    await scene.forget(id=(row.output_id,), yes=True)
    await scene.store.put(partition, before, content_type="x/y")
    scene.store.before = killed_at("put", partition, after=True)
    assert await is_killed(rebuilt(scene))
    scene.store.before = None
    await rebuilt(scene)
    assert checkpoint(scene).forgetting
    await scene.forget(yes=True)
    await assert_forgotten(scene, [row])
    assert checkpoint(scene).forgetting == ()
