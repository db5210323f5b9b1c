"""A repair of images whose host is no longer allowed, or has lost its certificate for good."""

from __future__ import annotations

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.errors import ImageRefused
from support.injured import key_of, lose, rows_of
from support.stage import days_of, stage_of


async def test_what_cannot_be_fetched_is_lost_and_everything_else_is_repaired() -> None:
    stage = stage_of(*days_of(30, 3))
    stage.store = MemoryObjectStore(versioned=True)
    await stage.ordinary_runs(1)
    rows = await rows_of(stage)
    deleted, replaced = rows[:25], rows[25:50]
    for row in deleted:
        lose(stage, row)
        name = (row.source_url or "").rpartition("/")[2]
        stage.images.broken[name] = ImageRefused("cdn.test: the certificate has expired", hint="renew it")
    for row in replaced:
        await stage.store.put(key_of(row), b"other bytes", content_type="image/jpeg")
    report = await stage.verify(repair=True)
    assert report.unrepaired == 25
    assert (await stage.status()).images.lost == 25
    for row in replaced:
        stage.assert_stored(row)
    # What the host serves again is copied by an ordinary run.
    stage.images.broken.clear()
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"
    await stage.assert_nothing_lost()
