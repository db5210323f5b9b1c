"""Everything was deleted at the source: the refusal and the run after it name the two consents that lead on."""

from __future__ import annotations

import pytest

from stablecog_provider.errors import AnotherAccount
from support.stage import DAY, HOUR, NOON, days_of, stage_of, told_options


async def test_the_hint_of_a_refusal_leads_on_if_the_source_lists_nothing() -> None:
    stage = stage_of(*days_of(12, 12))
    await stage.run()
    outputs = stage.simulated.visible(NOON)
    for output in outputs:
        stage.simulated.delete(output.id, NOON + HOUR)
    stage.clock.advance(DAY)
    with pytest.raises(AnotherAccount, match="lists nothing") as refused:
        await stage.run()
    options = told_options(refused.value)
    assert options == {"allow_account_mismatch": True}
    report = await stage.run(**options)
    assert report.tombstoned == 0
    # The key may be another's all the same. That run says what is needed, and what it says leads on.
    (asked,) = [line for line in report.explain() if "--allow-deletions" in line]
    assert f"--allow-deletions {len(outputs)}" in asked
    assert (await stage.run(allow_deletions=len(outputs))).proven
    await stage.ordinary_runs(2)
    assert all(row.deleted_at for row in (await stage.rows()).values())
