"""Everything was deleted at the source: the refusal names the consent that leads on, and that it is needed once."""

from __future__ import annotations

import pytest

from stablecog_provider.errors import AnotherAccount
from support.stage import DAY, HOUR, NOON, days_of, stage_of, told_options


async def test_the_hint_of_a_refusal_leads_on_if_the_source_lists_nothing() -> None:
    stage = stage_of(*days_of(4, 6))
    await stage.run()
    outputs = stage.simulated.visible(NOON)
    for output in outputs:
        stage.simulated.delete(output.id, NOON + HOUR)
    stage.clock.advance(DAY)
    with pytest.raises(AnotherAccount, match="lists nothing") as refused:
        await stage.run()
    options = told_options(refused.value)
    # To allow another account let one run through, which marked nothing as deleted; the next one was refused again.
    assert options == {"allow_deletions": len(outputs)}
    assert (await stage.run(**options)).proven
    await stage.ordinary_runs(2)
    assert all(row.deleted_at for row in (await stage.rows()).values())
