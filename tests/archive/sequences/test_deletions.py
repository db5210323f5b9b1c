"""Outputs that are deleted, hidden and released: detection never stops, and a person is asked before many are marked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from stablecog_provider.model.object_keys import day_of
from stablecog_provider.model.page import Page, PageQuery
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, PRESETS, CursorKey, Dialect
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, Ask, Stage, days_of, stage_of, told_options

OPAQUE = {
    "current, opaque": replace(CURRENT, cursor=CursorKey.OPAQUE),
    "documented, opaque": replace(DOCUMENTED, cursor=CursorKey.OPAQUE, per_page=False),
}


async def with_most_deleted(dialect: Dialect = CURRENT) -> Stage:
    """400 outputs on ten days are archived, then the owner deletes 260 of them."""
    stage = stage_of(*days_of(40, 10), dialect=dialect)
    assert (await stage.checked_run()).outcome == "proven"
    for output in stage.simulated.visible(NOON)[:260]:
        stage.simulated.delete(output.id, NOON + HOUR)
    return stage


@pytest.mark.parametrize("dialect", PRESETS)
async def test_who_deletes_most_is_told_the_number_and_proven_once_it_is_given(dialect: str) -> None:
    """Sequence 2: the way out that the report names is followed literally."""
    stage = await with_most_deleted(PRESETS[dialect])
    reports = await stage.ordinary_runs(3)
    assert {report.outcome for report in reports} == {"not proven"}
    assert reports[-1].tombstoned == 0
    told = told_options(reports[-1].explain())
    assert told == {"allow_deletions": 260}
    stage.clock.advance(DAY)
    report = await stage.checked_run(**told)
    if report.outcome != "proven":
        (report,) = await stage.ordinary_runs(1)
    assert report.outcome == "proven"
    assert sum(row.deleted_at is not None for row in (await stage.rows()).values()) == 260
    assert [(each.kind, each.count) for each in (await stage.status()).consents] == [("deletions", 260)]
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"


async def test_consent_that_was_given_to_a_rebuild_is_kept_for_the_runs() -> None:
    """Sequence 2."""
    stage = await with_most_deleted()
    told = told_options((await stage.ordinary_runs(1))[-1].explain())
    await stage.rebuild(**told)
    reports = await stage.ordinary_runs(3)
    assert reports[-1].outcome == "proven"
    assert sum(report.tombstoned for report in reports) == 260


async def test_a_row_that_is_lost_while_deletions_are_held_back_is_found() -> None:
    """Sequence 2: the guard stops the marks, and nothing else."""
    stage = await with_most_deleted()
    await stage.ordinary_runs(2)
    newest = stage.simulated.visible(NOON + 2 * HOUR)[-1]
    key = LAYOUT.partition(day_of(newest.g))
    rows = set(await stage.rows())
    # Something of another program empties the day, and its own summary is older than that.
    del stage.store.objects[key]
    await stage.rebuild()
    assert len(await stage.rows()) < len(rows)
    await stage.ordinary_runs(1)
    assert {each for each in await stage.rows() if stage.simulated.output(each[0]).is_visible(stage.clock.now())} == {
        each for each in rows if stage.simulated.output(each[0]).is_visible(stage.clock.now())
    }
    await stage.assert_nothing_lost()


async def test_the_consent_of_once_does_not_last_for_the_next_mass_deletion() -> None:
    """Sequence 2: a number was allowed, and it is used up."""
    stage = await with_most_deleted()
    told = told_options((await stage.ordinary_runs(1))[-1].explain())
    await stage.checked_run(**told)
    await stage.ordinary_runs(2)
    for output in stage.simulated.visible(stage.clock.now())[:120]:
        stage.simulated.delete(output.id, stage.clock.now())
    reports = await stage.ordinary_runs(3)
    assert (reports[-1].outcome, sum(report.tombstoned for report in reports)) == ("not proven", 0)
    assert told_options(reports[-1].explain()) == {"allow_deletions": 120}


@pytest.mark.parametrize("dialect", OPAQUE)
@pytest.mark.parametrize("request_number", [4, 6])
async def test_a_deletion_during_an_offset_walk_hides_no_loss(dialect: str, request_number: int) -> None:
    """Sequence 10: it pushes another output off every page, so that the total agrees with what was read."""
    stage = stage_of(*days_of(60, 4), dialect=OPAQUE[dialect])
    asked = 0

    async def play(query: PageQuery, ask: Ask) -> Page:
        nonlocal asked
        asked += 1
        if asked == request_number:
            stage.simulated.delete(stage.simulated.visible(NOON)[-1].id, stage.clock.now())
        return await ask(query)

    stage.play = play
    await stage.checked_run()
    await stage.assert_nothing_lost()
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"
    await stage.assert_nothing_lost()


@pytest.mark.parametrize("dialect", [*PRESETS, *OPAQUE])
async def test_one_output_released_while_another_is_deleted_is_archived(dialect: str) -> None:
    """Sequence 11: same old day, so that no count differs; the second reading finds it."""
    stage = stage_of(*days_of(20, 12), dialect=(PRESETS | OPAQUE)[dialect])
    old = [output for output in stage.simulated.visible(NOON) if output.g < NOON - 9 * DAY]
    hidden, deleted = old[3], old[7]
    stage.simulated.delete(hidden.id, hidden.o + timedelta(seconds=1))
    await stage.checked_run()
    assert (hidden.id, "original") not in await stage.rows()
    stage.clock.advance(DAY)
    hidden.deleted_at = None
    stage.simulated.delete(deleted.id, stage.clock.now())
    await stage.ordinary_runs(14)
    await stage.assert_nothing_lost()
    assert (await stage.rows())[deleted.id, "original"].deleted_at is not None
    assert (await stage.status()).outcome == "proven"


@pytest.mark.parametrize("dialect", OPAQUE)
async def test_without_a_cursor_all_is_read_again_at_once(dialect: str) -> None:
    """Sequence 11: no slice can be reached, so all of the account is read again, with the second run and then every 7 days."""
    stage = stage_of(*days_of(60, 5), dialect=OPAQUE[dialect])
    reports = [await stage.checked_run(), *await stage.ordinary_runs(15)]
    words = ["\n".join(report.explain()) for report in reports]
    assert all("only the total count shows outputs that were lost between two pages" in each for each in words)
    assert "not everything was read a second time yet" in words[0]
    assert all("Metadata last refreshed: the oldest at" in each for each in words)
    assert not any("not everything was read a second time yet" in each for each in words[1:])
    assert [report.sweep.rounds for report in reports] == [0, *[1] * 7, *[2] * 7, 3]


@pytest.mark.parametrize("dialect", PRESETS)
async def test_a_difference_that_a_deletion_evens_out_is_not_forgotten(dialect: str) -> None:
    """Sequence 12: an output is counted and not listed for ten days; meanwhile one is deleted elsewhere."""
    stage = stage_of(*days_of(20, 6), dialect=PRESETS[dialect])
    victim, deleted = stage.simulated.visible(NOON)[-3], stage.simulated.visible(NOON)[10]

    def hide(document: dict[str, object]) -> None:
        document["outputs"] = [each for each in document["outputs"] if each["id"] != victim.id]  # type: ignore[attr-defined]

    stage.spoil = hide
    assert (await stage.checked_run()).outcome == "not proven"
    await stage.ordinary_runs(3)
    stage.simulated.delete(deleted.id, stage.clock.now())
    for report in await stage.ordinary_runs(7):
        if PRESETS[dialect].counts_by_date:
            assert report.outcome == "not proven"
    stage.spoil = None
    await stage.ordinary_runs(9)
    await stage.assert_nothing_lost()
    assert (await stage.status()).outcome == "proven"
    assert (await stage.rows())[deleted.id, "original"].deleted_at is not None


async def test_outputs_that_come_back_after_they_were_marked_are_live_again() -> None:
    """Sequence 11: undeleted one by one, far from the lookback; counts or the second reading find each."""
    stage = stage_of(*days_of(20, 8))
    await stage.checked_run()
    some = stage.simulated.visible(NOON)[::20]
    for output in some:
        stage.simulated.delete(output.id, stage.clock.now())
    assert (await stage.ordinary_runs(1))[-1].tombstoned == len(some)
    for output in some:
        output.deleted_at = None
    assert (await stage.ordinary_runs(2))[-1].outcome == "proven"
    assert all(row.deleted_at is None for row in (await stage.rows()).values())


@pytest.mark.long
async def test_one_deletion_a_day_costs_the_documented_dialect_what_the_report_names() -> None:
    """Suspected: that it costs a whole reading a day. Its counts do not honour dates, so only the listing can name it."""
    stage = stage_of(*days_of(100, 6), dialect=DOCUMENTED)
    await stage.checked_run()
    for _ in range(3):
        stage.simulated.delete(stage.simulated.visible(stage.clock.now())[3].id, stage.clock.now())
        (report,) = await stage.ordinary_runs(1)
        assert (report.outcome, report.tombstoned) == ("proven", 1)
        assert report.source_requests <= 3 * 600 / 300 + 10
