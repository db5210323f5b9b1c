"""The guard over deletions, if the archive holds the account in parts."""

from __future__ import annotations

from datetime import timedelta

from support.stage import DAY, HOUR, NOON, days_of, stage_of


async def test_what_was_never_archived_does_not_hide_a_mass_deletion() -> None:
    """The source counts as many outputs in a gap of coverage as it lost of what is archived."""
    stage = stage_of(*days_of(100, 10))
    early, late = NOON - timedelta(days=6.5), NOON - timedelta(days=1.5)
    await stage.run(end=early)
    await stage.run(start=late)
    for output_id in sorted({output_id for output_id, _ in await stage.rows()})[:440]:
        stage.simulated.delete(output_id, NOON + HOUR)
    for bounds in ({"end": early}, {"start": late}, {"end": early}):
        stage.clock.advance(DAY)
        report = await stage.run(**bounds)
        assert (report.outcome, report.tombstoned) == ("not proven", 0)
        assert any("--allow-deletions" in claim for claim in report.claims)
