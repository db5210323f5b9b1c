"""A rebuild covers nothing that no run may have read, even if as many outputs were made since as were deleted."""

from __future__ import annotations

import pytest

from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, Dialect
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, days_of, stage_of


@pytest.mark.parametrize("dialect", [CURRENT, DOCUMENTED], ids=["current", "documented"])
@pytest.mark.parametrize("lost", [False, True], ids=["weekly check", "lost checkpoint"])
async def test_no_run_says_proven_while_outputs_have_no_row(lost: bool, dialect: Dialect) -> None:
    stage = stage_of(*days_of(100, 8), dialect=dialect)
    await stage.run()
    stage.clock.advance(HOUR)
    await stage.run()
    newest = sorted(stage.simulated.visible(NOON), key=lambda each: each.g)[-2:]
    since = stage.clock.now()
    if lost:
        del stage.store.objects[LAYOUT.checkpoint]
    for number, output in enumerate(newest):
        at = since + (24 + number) * HOUR
        stage.simulated.add(at, at + HOUR / 60)
        stage.simulated.delete(output.id, since + HOUR)
    stage.clock.advance(5 * DAY)
    report = await stage.rebuild(check_images=True)
    assert report.exit_code == 3
    assert (await stage.status()).outcome != "proven"
    for _ in range(3):
        run = await stage.run()
        lacks = stage.live().keys() - {key for key, _ in await stage.rows()}
        assert run.outcome != "proven" or not lacks
        stage.clock.advance(DAY)
    assert not lacks
