"""A partition that is lost after a move, before its day's images were looked for."""

from __future__ import annotations

import pytest

from stablecog_provider.archive import phases
from stablecog_provider.errors import ArchiveDamaged
from support.scene import LAYOUT
from support.stage import days_of, stage_of


async def test_a_rebuild_leads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = stage_of(*days_of(4, 4))
    await stage.ordinary_runs(1)
    stage.store.address = "elsewhere"
    with monkeypatch.context() as few:
        few.setattr(phases, "IMAGES_LOOKED_FOR", 1)
        await stage.run()
    assert (await stage.status()).unchecked == 3
    day = min(row.created_at.date() for row in (await stage.rows()).values())
    del stage.store.objects[LAYOUT.partition(day)]
    with pytest.raises(ArchiveDamaged, match="rebuild"):
        await stage.run()
    await stage.rebuild()
    assert (await stage.ordinary_runs(2))[-1].outcome == "proven"
    await stage.assert_nothing_lost()
