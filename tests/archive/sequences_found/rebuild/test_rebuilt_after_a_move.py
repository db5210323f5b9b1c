"""A rebuild of an archive that was moved, without looking for its images."""

from __future__ import annotations

from support.stage import DAY, days_of, stage_of


async def test_the_exit_code_is_3_while_images_are_still_to_be_looked_for() -> None:
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    stage.store.address = "another store"
    report = await stage.rebuild()
    assert (report.outcome, report.exit_code) == ("rebuilt, with gaps", 3)
    assert "images of 3 days are still to be looked for" in " ".join(report.explain())
    assert report.exit_code == (await stage.status()).exit_code
    await stage.ordinary_runs(1, DAY)
    assert (await stage.rebuild()).exit_code == 0
