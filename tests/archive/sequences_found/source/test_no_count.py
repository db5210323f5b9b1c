"""A source that names no count for one run proves nothing, and must not settle what differed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from stablecog_provider.model.page import Page, PageQuery
from support.stage import DAY, NOON, Ask, days_of, stage_of
from support.worlds import checkpoint

NEVER = timedelta(days=365)


async def test_a_run_without_counts_forgets_no_difference() -> None:
    """An output is counted and not listed; for one run `total` is missing; then an output of another day is deleted."""
    stage = stage_of(*days_of(20, 6))
    outputs = stage.simulated.visible(NOON)

    def hide(document: dict[str, Any]) -> None:
        document["outputs"] = [output for output in document["outputs"] if output["id"] != outputs[3].id]

    async def without_total(query: PageQuery, ask: Ask) -> Page:
        return replace(await ask(query), total=None)

    stage.spoil = hide
    assert (await stage.run()).outcome == "not proven"
    known = checkpoint(stage).differences
    stage.play = without_total
    await stage.ordinary_runs(1)
    remembered = checkpoint(stage).differences
    stage.play = None
    stage.simulated.delete(outputs[30].id, stage.clock.now())
    # Fails: "proven" twice, exit code 0, while the first output is counted by the source and in no row.
    assert {str(report.outcome) for report in await stage.ordinary_runs(3)} == {"not proven"}
    assert [each.window for each in remembered] == [each.window for each in known]


async def test_a_stretch_that_nobody_counted_is_not_proven_by_its_neighbours() -> None:
    """One answer of three lacks its count: an output released in that very stretch is missing."""
    stage = stage_of(*days_of(20, 6))
    await stage.run()
    released = stage.simulated.add(NOON - DAY - timedelta(hours=2))[0]

    def hide(document: dict[str, Any]) -> None:
        document["outputs"] = [output for output in document["outputs"] if output["id"] != released.id]

    counts = 0

    async def one_without_total(query: PageQuery, ask: Ask) -> Page:
        nonlocal counts
        page = await ask(query)
        if query.start is not None and query.start < NOON + NEVER:
            counts += 1
            return replace(page, total=None) if counts == 2 else page
        return page

    stage.spoil, stage.play = hide, one_without_total
    stage.simulated.add(NOON + timedelta(hours=1))
    (report,) = await stage.ordinary_runs(1)
    # Fails: "proven", and the sums of two stretches are told of all three.
    assert report.outcome != "proven", report.explain()
