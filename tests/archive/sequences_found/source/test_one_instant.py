"""Many outputs were requested at one instant, and most of them are deleted."""

from __future__ import annotations

from datetime import timedelta

from support.stage import HOUR, NOON, days_of, stage_of


async def test_a_crowded_microsecond_can_be_read_again() -> None:
    """More than 600 rows of one microsecond: the second reading marks that microsecond, which no piece can halve."""
    stage = stage_of(*days_of(5, 2))
    at = NOON - 10 * HOUR
    made = [
        output
        for number in range(650)
        for output in stage.simulated.add(at, at + timedelta(seconds=5, milliseconds=350 * number))
    ]
    assert (await stage.run()).outcome == "proven"
    for number, output in enumerate(made):
        if number % 5 < 3:
            stage.simulated.delete(output.id, NOON + HOUR)
    # Fails in this run and in every later one: ValueError "empty window", which is no ArchiveError.
    for report in await stage.ordinary_runs(2):
        assert report.outcome in ("proven", "not proven")
