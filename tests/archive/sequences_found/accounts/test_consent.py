"""What a person allowed once is used up by the run that marks, even if that run does not come to its end."""

from __future__ import annotations

import pytest

from stablecog_provider.errors import SourceUnavailable
from stablecog_provider.model.checkpoint import Checkpoint
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, days_of, stage_of, told_options


@pytest.mark.parametrize("requests", [6, 8, 10, 12])
async def test_a_run_that_is_cut_short_leaves_no_consent_that_it_has_used(requests: int) -> None:
    stage = stage_of(*days_of(100, 4))
    await stage.run()
    for output in stage.simulated.visible(NOON)[:300]:
        stage.simulated.delete(output.id, NOON + HOUR)
    stage.clock.advance(DAY)
    consent = told_options((await stage.run()).explain())
    assert consent == {"allow_deletions": 300}
    stage.clock.advance(HOUR)
    stage.source_dies_after = requests
    with pytest.raises(SourceUnavailable):
        await stage.run(**consent)
    stage.source_dies_after = None
    marked = sum(row.deleted_at is not None for row in (await stage.rows()).values())
    left = Checkpoint.from_json(stage.store.objects[LAYOUT.checkpoint].body).deletions_allowed
    assert marked
    assert marked + left <= 300
    assert (await stage.ordinary_runs(2))[-1].outcome == "proven"


async def test_a_consent_that_nobody_needed_does_not_cover_a_later_mass_deletion() -> None:
    """The outputs came back before the run that was allowed to mark them."""
    stage = stage_of(*days_of(100, 4))
    await stage.run()
    outputs = stage.simulated.visible(NOON)[:300]
    assert (await stage.run(allow_deletions=300)).outcome == "proven"
    await stage.ordinary_runs(1)
    for output in outputs:
        stage.simulated.delete(output.id, stage.clock.now())
    (report,) = await stage.ordinary_runs(1)
    assert (report.outcome, report.tombstoned) == ("not proven", 0)
