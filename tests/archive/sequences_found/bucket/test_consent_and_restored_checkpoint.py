"""A permission to mark deletions was used up. Then an earlier version of checkpoint.json is restored (S3 versioning)."""

from __future__ import annotations

from contextlib import suppress

import pytest

from stablecog_provider.adapters.memory import Call, MemoryObject
from stablecog_provider.errors import ArchiveError
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, days_of, stage_of


@pytest.mark.parametrize("restored", [False, True])
async def test_a_restored_checkpoint_restores_no_permission(restored: bool) -> None:
    stage = stage_of(*days_of(100, 5))
    await stage.checked_run()
    ids = [output.id for output in stage.simulated.visible(NOON)]
    first = {output_id for number, output_id in enumerate(ids) if number % 2 or number < 30}
    for output_id in first:
        stage.simulated.delete(output_id, NOON + HOUR)
    stage.clock.advance(DAY)
    versions: list[MemoryObject] = []

    def keep(call: Call) -> None:
        if call == Call("put", LAYOUT.checkpoint):
            versions.append(stage.store.objects[LAYOUT.checkpoint])

    stage.store.after = keep
    report = await stage.run(allow_deletions=300, allow_account_mismatch=True)
    stage.store.after = None
    assert report.tombstoned == len(first)
    if restored:
        stage.store.objects[LAYOUT.checkpoint] = versions[0]
    for number, output_id in enumerate(each for each in ids if each not in first):
        if number % 3:
            stage.simulated.delete(output_id, stage.clock.now())
    stage.clock.advance(HOUR)
    with suppress(ArchiveError):
        report = await stage.run(allow_account_mismatch=True)
        assert not report.tombstoned
    marked = {row.output_id for row in (await stage.rows()).values() if row.deleted_at is not None}
    assert marked == first
