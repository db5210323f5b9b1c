"""Images that are in the bucket although no row names them, while their host has dropped them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from dev.local.tiny_jpeg import tiny_jpeg
from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import ArchiveDamaged, ImageGone
from support.killed import Killed
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, Stage, days_of, stage_of


async def _killed_between_image_and_row() -> Stage:
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    stage.simulated.add(NOON + HOUR)
    stage.clock.advance(DAY)

    def die(call: Call) -> None:
        if call.operation == "put" and call.key.startswith(LAYOUT.manifest):
            raise Killed

    stage.store.before = die
    with pytest.raises(Killed):
        await stage.run()
    stage.store.before = None
    stage.images.broken[PurePosixPath(stage.images.asked[-1]).name] = ImageGone("404")
    return stage


async def test_an_image_stored_before_a_kill_is_adopted() -> None:
    stage = await _killed_between_image_and_row()
    report = (await stage.ordinary_runs(1))[-1]
    (row,) = [row for row in (await stage.rows()).values() if row.created_at >= NOON]
    assert (row.state, str(report.outcome)) == ("archived", "proven")
    assert stage.body_of(row.uri)


async def test_other_bytes_under_the_key_are_not_adopted() -> None:
    stage = await _killed_between_image_and_row()
    (key,) = [key for key in stage.store.objects if key.startswith(f"{LAYOUT.images}dt=2026-11-20/")]
    stage.store.objects[key] = replace(stage.store.objects[key], body=tiny_jpeg(b"other"))
    await stage.ordinary_runs(1)
    (row,) = [row for row in (await stage.rows()).values() if row.created_at >= NOON]
    assert (row.state, row.uri) == ("gone", None)


async def test_an_image_of_a_lost_partition_is_adopted() -> None:
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    output = stage.simulated.visible(NOON)[-3]
    before = (await stage.rows())[output.id, "original"]
    stage.images.broken[PurePosixPath(before.source_url or "").name] = ImageGone("404")
    del stage.store.objects[LAYOUT.partition(output.g.date())]
    with pytest.raises(ArchiveDamaged, match="rebuild"):
        await stage.run()
    await stage.rebuild()
    await stage.ordinary_runs(1)
    row = (await stage.rows())[output.id, "original"]
    assert (row.state, row.uri, row.sha256) == ("archived", before.uri, before.sha256)
