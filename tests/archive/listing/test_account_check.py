"""The key of another account is refused before anything is written; an account with deleted outputs is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from stablecog_provider.errors import AnotherAccount
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, CursorKey
from support.archived import HOURS, a_past_world, archived, rebuilt


@pytest.mark.parametrize("dialect", [CURRENT, DOCUMENTED, replace(CURRENT, cursor=CursorKey.OPAQUE)], ids=range(3))
async def test_another_accounts_key_is_refused_before_anything_is_written(dialect: object) -> None:
    scene = await archived(dialect=dialect)
    objects = dict(scene.store.objects)
    own, scene.simulated = scene.simulated, a_past_world(seed=99)
    for attempt in (scene.run, lambda: rebuilt(scene)):
        with pytest.raises(AnotherAccount, match=r"is not the account of .*: of \d+ outputs .* the archive holds 0"):
            await attempt()
    assert scene.store.objects == objects
    scene.simulated = own
    assert (await scene.run()).outcome == "proven"


async def test_an_account_whose_old_outputs_were_deleted_continues_if_allowed() -> None:
    scene = await archived()
    now = scene.clock.now()
    for output in list(scene.simulated.visible(now)):
        scene.simulated.delete(output.id, now)
    scene.simulated.add(now + timedelta(seconds=1), now + timedelta(seconds=9))
    scene.clock.advance(HOURS)
    with pytest.raises(AnotherAccount, match="--allow-account-mismatch"):
        await scene.run()
    assert (await scene.run(allow_account_mismatch=True)).copied == 1
    assert (await scene.run()).copied == 0, "from now on the new output is known"


async def test_an_account_that_deleted_its_newest_day_is_still_the_same() -> None:
    scene = await archived()
    now = scene.clock.now()
    newest = max(output.g for output in scene.simulated.visible(now))
    for output in list(scene.simulated.visible(now)):
        if output.g.date() == newest.date():
            scene.simulated.delete(output.id, now)
    scene.simulated.add(now, now + timedelta(seconds=9))
    scene.clock.advance(HOURS)
    report = await scene.run()
    assert (report.copied, report.outcome) == (1, "proven")
