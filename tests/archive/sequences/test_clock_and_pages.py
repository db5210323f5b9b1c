"""Clocks that are wrong, pages that are old, short or empty, and digits that nobody keeps."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from stablecog_provider.adapters.memory import FixedClock
from stablecog_provider.errors import SourceUnavailable
from stablecog_provider.model.page import Order, Page, PageQuery
from stablecog_provider.model.times import MICROSECOND
from stablecog_provider.simulator.dialect import PRESETS
from support.stage import DAY, HOUR, NOON, Ask, Play, Stage, as_of, days_of, every, stage_of
from support.worlds import checkpoint

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


async def outcome_or_refusal(stage: Stage) -> str:
    """How a run ended: `outdated` if it refused an answer that lacked what an earlier one had shown."""
    try:
        return str((await stage.run()).outcome)
    except SourceUnavailable as error:
        return "outdated" if "an outdated server answered" in error.message else error.message


@pytest.mark.parametrize("ahead", [DAY * 3, HOUR, -DAY * 3])
@pytest.mark.parametrize("dialect", PRESETS)
async def test_a_date_that_is_wrong_claims_nothing_of_the_future(dialect: str, ahead: timedelta) -> None:
    """Sequence 24: the source's `Date` is off; what is requested meanwhile is archived all the same."""
    stage = stage_of(*days_of(10, 3), dialect=PRESETS[dialect])

    async def play(query: PageQuery, ask: Ask) -> Page:
        return replace(await ask(query), source_time=stage.clock.now() + ahead)

    stage.play = play
    report = await stage.run()
    assert (report.coverage.watermark or NOON) <= NOON + timedelta(minutes=5)
    assert any("The source's clock is" in line for line in report.explain())
    stage.play = None
    for number in range(1, 40):
        stage.simulated.add(NOON + number * HOUR * 2)
    await stage.ordinary_runs(5)
    await stage.assert_nothing_lost()
    assert (await stage.status()).outcome == "proven"


@pytest.mark.parametrize("behind", [DAY * 400, -DAY * 400])
async def test_our_own_clock_may_be_wrong_and_nothing_is_lost_or_marked(behind: timedelta) -> None:
    """Suspected: with our clock far behind, the guard over tombstones counts nothing."""
    stage = stage_of(*days_of(40, 6))
    await stage.checked_run()
    for output in stage.simulated.visible(NOON)[:200]:
        stage.simulated.delete(output.id, NOON + HOUR)
    stage.clock.advance(DAY)
    stage.our_clock = FixedClock(stage.clock.now() - behind)
    for _ in range(2):
        report = await stage.run()
        assert (report.tombstoned, report.outcome) == (0, "not proven")
    stage.our_clock = stage.clock
    report = (await stage.ordinary_runs(2))[-1]
    assert (report.tombstoned, report.outcome) == (0, "not proven")
    await stage.assert_nothing_lost()


@pytest.mark.parametrize("dialect", PRESETS)
@pytest.mark.parametrize("number", [3, 4, 5])
async def test_one_empty_page_of_an_old_node_claims_no_account(dialect: str, number: int) -> None:
    """Sequence 25: the n-th answer of a first run is an empty last page."""
    stage = stage_of(*days_of(20, 5), dialect=PRESETS[dialect])
    asked = 0

    async def play(query: PageQuery, ask: Ask) -> Page:
        nonlocal asked
        asked += 1
        page = await ask(query)
        return replace(page, outputs=(), next=None) if asked == number and page.outputs else page

    stage.play = play
    outcome = await outcome_or_refusal(stage)
    assert outcome in ("proven", "not proven", "outdated")
    if outcome == "proven":
        await stage.assert_nothing_lost()
    stage.play = None
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"
    await stage.assert_nothing_lost()


@pytest.mark.parametrize("dialect", PRESETS)
async def test_a_node_that_is_hours_old_claims_no_hour_that_it_does_not_know(dialect: str) -> None:
    """Sequence 25, and held: a lagging replica with a fresh `Date` answers a whole run."""
    stage = stage_of(*days_of(20, 5), dialect=PRESETS[dialect])
    await stage.checked_run()
    for number in range(40):
        stage.simulated.add(NOON + 5 * number * MINUTE)
    stage.clock.advance(4 * HOUR)
    stage.play = as_of(stage, 3 * HOUR)
    await stage.run()
    stage.play = None
    await stage.ordinary_runs(3)
    await stage.assert_nothing_lost()
    assert (await stage.status()).outcome == "proven"


@pytest.mark.parametrize("lagging", ["counts", "listing", "every other answer"])
async def test_listing_and_counts_may_lag_behind_each_other(lagging: str) -> None:
    """Held: the listing behind the count, the count behind the listing, and replicas in turn."""
    stage = stage_of(*days_of(20, 5))
    await stage.checked_run()
    old = as_of(stage, 2 * HOUR)
    asked = 0

    async def play(query: PageQuery, ask: Ask) -> Page:
        nonlocal asked
        asked += 1
        is_count = query.cursor is None and query.start is not None
        late = {"counts": is_count, "listing": not is_count}.get(lagging, asked % 2 == 0)
        return await (old(query, ask) if late else ask(query))

    stage.play = play
    for number in range(6):
        stage.simulated.add(stage.clock.now() + number * 10 * MINUTE)
        stage.simulated.delete(stage.simulated.visible(stage.clock.now())[number].id, stage.clock.now() + 30 * MINUTE)
        stage.clock.advance(HOUR)
        assert await outcome_or_refusal(stage) in ("proven", "not proven", "outdated")
        assert stage.source.requests <= 60
    stage.play = None
    await stage.ordinary_runs(3)
    await stage.assert_nothing_lost()
    assert (await stage.status()).outcome == "proven"


@pytest.mark.parametrize("dialect", PRESETS)
async def test_pages_and_counts_of_a_cache_with_a_fresh_date_hide_nothing_for_long(dialect: str) -> None:
    """Held: a CDN repeats the answers of the first run for a day, byte for byte."""
    stage = stage_of(*days_of(20, 5), dialect=PRESETS[dialect])
    cached: dict[PageQuery, Page] = {}

    async def play(query: PageQuery, ask: Ask) -> Page:
        if query not in cached:
            cached[query] = await ask(query)
        return replace(cached[query], source_time=stage.clock.now())

    stage.play = play
    await stage.run()
    for number in range(20):
        stage.simulated.add(stage.clock.now() + number * 30 * MINUTE)
    for _ in range(6):
        stage.clock.advance(2 * HOUR)
        assert await outcome_or_refusal(stage) in ("proven", "not proven", "outdated")
    stage.play = None
    await stage.ordinary_runs(3)
    await stage.assert_nothing_lost()
    assert (await stage.status()).outcome == "proven"


@pytest.mark.parametrize("dialect", PRESETS)
async def test_short_pages_are_read_to_their_end(dialect: str) -> None:
    """Held: the source sends fewer outputs than were asked for, and says that there are more."""
    stage = stage_of(*days_of(40, 5), dialect=PRESETS[dialect])

    async def play(query: PageQuery, ask: Ask) -> Page:
        return await ask(replace(query, per_page=min(query.per_page or 50, 7)))

    stage.play = play
    report = await stage.run()
    assert report.outcome == "proven"
    await stage.assert_nothing_lost()


async def test_an_output_whose_date_moves_to_another_day_is_one_output() -> None:
    """Held: the source corrects `created_at` by a day."""
    stage = stage_of(*days_of(20, 5))
    await stage.checked_run()
    moved = stage.simulated.visible(NOON)[-2]
    generation = replace(moved.generation, requested=moved.g - DAY)
    stage.simulated.account().listing._rows.remove(moved)
    moved.generation, moved.created_at = generation, moved.created_at - DAY
    stage.simulated.account().listing.add(moved)
    reports = await stage.ordinary_runs(10)
    assert reports[-1].outcome == "proven"
    row = (await stage.rows())[moved.id, "original"]
    assert (row.created_at, row.deleted_at) == (moved.g, None)
    assert checkpoint(stage).live == 100
    await stage.assert_nothing_lost()


@pytest.mark.parametrize("dialect", PRESETS)
async def test_the_end_of_the_year_with_ties_of_a_microsecond(dialect: str) -> None:
    """Held: outputs at both sides of midnight, many at the same instant."""
    midnight = datetime(2027, 1, 1, tzinfo=NOON.tzinfo)
    stage = stage_of(*every(MINUTE, 20, DAY), dialect=PRESETS[dialect])
    for number in range(60):
        at = midnight + (number % 3 - 1) * MICROSECOND
        stage.simulated.add(at, *[at + (number % 2) * SECOND] * 4)
    stage.clock.instant = midnight + HOUR
    for per_page in (50, 300):
        report = await stage.checked_run(per_page=per_page)
        assert report.outcome == "proven", report.explain()
    await stage.assert_nothing_lost()


@pytest.mark.parametrize("death", [6, 14])
async def test_a_source_that_fails_in_the_middle_of_a_bisection_costs_one_run(death: int) -> None:
    """Held: rows lost in three days have to be located; the source dies at some request of it."""
    stage = stage_of(*days_of(50, 12))
    await stage.checked_run()
    for number in (20, 250, 550):
        stage.simulated.delete(stage.simulated.visible(NOON)[number].id, NOON + HOUR)
    stage.clock.advance(DAY)
    stage.source_dies_after = death
    with suppress(SourceUnavailable):
        await stage.run()
    stage.source_dies_after = None
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"
    assert sum(row.deleted_at is not None for row in (await stage.rows()).values()) == 3


def half_a_microsecond_later(stage: Stage) -> Play:
    """A source whose instants all end on half a microsecond, which is cut off for us and known to its filters."""

    async def play(query: PageQuery, ask: Ask) -> Page:
        if query.order is Order.ASCENDING and isinstance(query.cursor, datetime):
            # What completed at the cursor by our digits completed after it.
            query = replace(query, cursor=query.cursor - MICROSECOND)
        if query.end is not None:
            query = replace(query, end=query.end - MICROSECOND)
        return await ask(query)

    return play


async def test_nine_digits_on_a_dense_account_are_archived_and_proven() -> None:
    """Sequence 27, with the whole product."""
    stage = stage_of()
    for number in range(300):
        at = NOON - HOUR + number * 3 * MICROSECOND
        stage.simulated.add(at, *[at + (number % 5) * SECOND] * 2)
    stage.play = half_a_microsecond_later(stage)
    reports = [await stage.checked_run(per_page=50), *await stage.ordinary_runs(4)]
    assert reports[-1].outcome == "proven", reports[-1].explain()
    await stage.assert_nothing_lost()


async def test_nine_digits_leave_no_place_that_differs_for_ever() -> None:
    """Sequence 27: places that are read again are counted, too, and the source's counts know the digits."""
    stage = stage_of(*days_of(20, 5))
    stage.play = half_a_microsecond_later(stage)
    await stage.checked_run()
    for number in (3, 30, 31, 60):
        stage.simulated.delete(stage.simulated.visible(NOON)[number].id, NOON + HOUR)
    reports = await stage.ordinary_runs(4)
    assert (reports[-1].outcome, sum(report.tombstoned for report in reports)) == ("proven", 4)
