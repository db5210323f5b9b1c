"""An output whose row was lost with its partition, and that the source has deleted: its images are still there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stablecog_provider.model.object_keys import day_of
from support.archived import put, rebuilt
from support.forgotten import archived_with_secrets, everything, found_in, some, traces_of
from support.injured import key_of
from support.scene import LAYOUT
from support.worlds import a_world


@pytest.mark.parametrize("is_listed_again", [False, True])
async def test_its_images_are_found_by_their_keys(is_listed_again: bool) -> None:
    scene = await archived_with_secrets(a_world(40, days=3, future=0))
    row = next(row for row in await some(scene) if row.rendition == "original")
    output = next(each for each in scene.simulated.visible(scene.clock.now()) if each.id == row.output_id)
    scene.simulated.delete(output.id, scene.clock.now())
    put(scene, LAYOUT.partition(day_of(row.created_at)), b"PAR1")
    await rebuilt(scene, set_aside_damaged=True)
    scene.clock.advance(timedelta(hours=1))
    assert (await scene.run()).outcome == "proven"
    assert row.key not in await scene.rows()
    assert key_of(row) in scene.store.objects
    report = await scene.forget(id=(row.output_id, "no-such-output"), yes=True)
    assert (report.count, report.unknown) == (1, ("no-such-output",))
    assert report.outputs[0].images >= 1
    assert found_in(everything(scene.store), traces_of([row])) == []
    if is_listed_again:
        output.deleted_at = None
    scene.clock.advance(timedelta(hours=1))
    for _ in range(3):
        scene.clock.advance(timedelta(days=1))
        run = await scene.run()
    assert (run.outcome, run.copied) == ("proven", 0), run.explain()
    assert not [key for key in scene.store.objects if row.output_id in key]
    assert (await scene.rows())[row.key].state == "forgotten"
