"""A run of a part, after the whole was found to differ."""

from __future__ import annotations

from stablecog_provider.airflow.operators.archive import _difference
from support.stage import DAY, HOUR, NOON, days_of, stage_of


async def test_a_run_of_a_part_whose_counts_agree_does_not_say_that_they_differ() -> None:
    """A rebuild finds what has come since the last run, as it has to; then a part is archived, as by the backfill DAG."""
    stage = stage_of(*days_of(5, 4))
    await stage.run()
    stage.simulated.add(NOON + HOUR, NOON + HOUR)
    stage.clock.advance(DAY)
    assert (await stage.rebuild()).outcome == "rebuilt, with gaps"
    report = await stage.run(start=NOON - 2 * DAY, end=NOON - DAY)
    assert report.proof is not None
    assert report.proof.agrees
    assert not report.differences
    message = _difference(report, report.proof)
    assert "differ in 0 places" not in message, message
    assert "NOT proven" not in "\n".join(report.explain()), report.explain()
    assert report.proven
