"""The walk against the server's lossy listing: random histories lose nothing, and what cannot be shown is reported."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dev.local.light_source import (
    ASCENDING,
    FALLING_BY_COMPLETION,
    FALLING_BY_REQUEST,
    OPAQUE,
    LightSource,
    Reading,
    instant_of,
    naive,
    read,
)
from stablecog_provider.archive.listing.capabilities import Capabilities
from stablecog_provider.archive.listing.walk import walk
from stablecog_provider.errors import SourceContradiction
from stablecog_provider.model.coverage import Axis, Coverage, Window
from stablecog_provider.model.page import Order, Page, PageQuery
from stablecog_provider.model.times import MICROSECOND
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, CursorKey
from stablecog_provider.simulator.history import Pace, light_rows
from stablecog_provider.simulator.listing import LightRow

START = datetime(2026, 11, 1, tzinfo=UTC)
WINDOW = Window(START - timedelta(hours=1), START + timedelta(days=2))
NOW = WINDOW.end + timedelta(hours=1)

# Few distinct instants make ties and inversions the rule: requested within 12 to 400 µs, completed up to 300 µs later.
offsets = st.one_of(st.integers(0, 12), st.integers(0, 400))
latencies = st.one_of(st.just(0), st.integers(0, 6), st.integers(0, 300))
histories = st.lists(st.tuples(offsets, latencies), max_size=40).map(
    lambda pairs: [
        LightRow(f"{number:03}", START + MICROSECOND * g, START + MICROSECOND * (g + latency))
        for number, (g, latency) in enumerate(pairs)
    ]
)
# The hidden output was requested at 1 and completed at 3: between two known requests.
BETWEEN = [(2, 2), (0, 3), (0, 4), (2, 3)]
page_sizes = st.one_of(st.integers(1, 8), st.integers(9, 300))


async def check(rows: list[LightRow], capabilities: Capabilities, source: LightSource, per_page: int) -> Reading:
    reading = await read(source, WINDOW, capabilities, per_page)
    assert reading.covered.merge(reading.holes) == Coverage((WINDOW,))
    assert not reading.covered.intersect(reading.holes)
    assert reading.lost(rows, capabilities.axis) == []
    return reading


@given(histories, page_sizes)
@example([LightRow(f"{n:03}", START + MICROSECOND * g, START + MICROSECOND * o) for n, (g, o) in enumerate(BETWEEN)], 2)
@settings(max_examples=300)
async def test_ascending_walk_loses_nothing_and_leaves_holes_only_if_no_request_can_show_more(
    rows: list[LightRow], per_page: int
) -> None:
    reading = await check(rows, ASCENDING, LightSource(rows, NOW), per_page)
    for hole in reading.holes:
        assert any(is_hidden(rows, candidate, per_page) for candidate in candidates(rows, hole))


def candidates(rows: list[LightRow], hole: Window) -> list[LightRow]:
    """Outputs that could exist in the hole, given the known rows."""
    completions = {row.o for row in rows if row.o in hole} | {hole.start, hole.end - MICROSECOND}
    # There is room between the known requests too.
    requests = {row.g + MICROSECOND * step for row in rows for step in (-1, 0, 1)}
    return [LightRow("?", g, o) for o in completions for g in requests | {START} if START <= g <= o]


def is_hidden(rows: list[LightRow], candidate: LightRow, per_page: int) -> bool:
    """Whether no page is certain to show the candidate. The nearest cursors leave the fewest rows before it; the order of
    ties is up to the server.
    """
    place = (candidate.g, candidate.o)
    before = sum((row.g, row.o) <= place and row.o >= candidate.o for row in rows)
    behind = sum((row.g, row.o) >= place and row.o <= candidate.o for row in rows)
    return before >= per_page and behind >= per_page


@given(histories, page_sizes)
@settings(max_examples=200)
async def test_descending_walk_by_request_loses_only_instants_with_more_than_a_page(
    rows: list[LightRow], per_page: int
) -> None:
    reading = await check(rows, FALLING_BY_REQUEST, LightSource(rows, NOW, DOCUMENTED), per_page)
    for hole in reading.holes:
        for instant in range((hole.end - hole.start) // MICROSECOND):
            assert sum(row.g == hole.start + MICROSECOND * instant for row in rows) >= per_page


@given(histories, page_sizes)
@settings(max_examples=200)
async def test_descending_walk_by_completion_loses_nothing(rows: list[LightRow], per_page: int) -> None:
    reading = await check(rows, FALLING_BY_COMPLETION, LightSource(rows, NOW), per_page)
    if len(rows) < per_page:
        assert not reading.holes


@given(histories, st.integers(1, 20), st.lists(st.integers(0, 60), max_size=40))
@settings(max_examples=200)
async def test_deletions_and_arrivals_during_a_walk_lose_no_other_output(
    rows: list[LightRow], per_page: int, lives: list[int]
) -> None:
    step = timedelta(seconds=10)
    rows = [
        replace(row, deleted_at=NOW + step * lives[number]) if number < len(lives) else row
        for number, row in enumerate(rows)
    ]
    arrivals = [LightRow(f"late {n}", NOW + step * n - timedelta(seconds=90), NOW + step * n) for n in range(20)]
    for capabilities, dialect in ((ASCENDING, CURRENT), (FALLING_BY_REQUEST, DOCUMENTED)):
        source = LightSource([*rows, *arrivals], NOW, dialect, pace=step)
        reading = await read(source, WINDOW, capabilities, per_page)
        staying = [row for row in rows if row.deleted_at is None or row.deleted_at > source.now]
        assert reading.lost(staying, capabilities.axis) == []


@given(histories, st.integers(0, 500), st.integers(1, 300), st.integers(1, 20))
@settings(max_examples=200)
async def test_any_window_is_read_completely(rows: list[LightRow], at: int, width: int, per_page: int) -> None:
    window = Window(START + MICROSECOND * at, START + MICROSECOND * (at + width))
    for capabilities, dialect in ((ASCENDING, CURRENT), (FALLING_BY_REQUEST, DOCUMENTED)):
        reading = await read(LightSource(rows, NOW, dialect), window, capabilities, per_page)
        inside = [row for row in rows if instant_of(row, capabilities.axis) in window]
        assert reading.lost(inside, capabilities.axis) == []
        assert reading.covered.merge(reading.holes) == Coverage((window,))


@given(histories, st.integers(1, 20))
@settings(max_examples=100)
async def test_what_is_covered_before_a_kill_is_read_before_it(rows: list[LightRow], per_page: int) -> None:
    """At every step, not only at the end: a run may be killed after any of them."""
    for capabilities, dialect in (
        (ASCENDING, CURRENT),
        (FALLING_BY_REQUEST, DOCUMENTED),
        (FALLING_BY_COMPLETION, CURRENT),
    ):
        reading = Reading()
        async for step in walk(LightSource(rows, NOW, dialect), WINDOW, capabilities, per_page, per_page):
            reading.ids |= {output.id for output in step.outputs if output.id}
            reading.covered = reading.covered.merge(step.covered)
            claimed = [row for row in rows if instant_of(row, capabilities.axis) in reading.covered]
            assert {row.id for row in claimed} <= reading.ids


@pytest.mark.parametrize("per_page", [50, 300])
@pytest.mark.parametrize("every", [20.0, 2.0, 0.5, 0.2, 0.1])
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("capabilities", "dialect"), [(ASCENDING, CURRENT), (FALLING_BY_REQUEST, DOCUMENTED)])
async def test_the_naive_client_loses_outputs_and_the_walk_none(
    capabilities: Capabilities, dialect: object, seed: int, every: float, per_page: int
) -> None:
    rows = light_rows(seed, 3000, start=START, pace=Pace(every=every))
    assert len(await naive(LightSource(rows, NOW, dialect), per_page)) < len(rows)  # type: ignore[arg-type]
    source = LightSource(rows, NOW, dialect)  # type: ignore[arg-type]
    reading = await read(source, WINDOW, capabilities, per_page, most=300)
    assert reading.ids == {row.id for row in rows}
    assert not reading.holes
    ideal = len(rows) / per_page
    if per_page == 300:
        assert source.requests <= (1.1 * ideal + 3 if every == 20 else 5 * ideal)


async def test_more_in_flight_than_a_page_holds_is_reported_as_a_hole() -> None:
    """400 outputs with the same instants: a page of 300 shows some, and no request shows the others."""
    rows = [LightRow(f"{number:03}", START, START + timedelta(seconds=5)) for number in range(700)]
    reading = await read(LightSource(rows, NOW), WINDOW, ASCENDING, 300)
    assert len(reading.ids) == 600
    assert [row.id for row in rows if row.id not in reading.ids] == [f"{number:03}" for number in range(300, 400)]
    assert START + timedelta(seconds=5) in reading.holes
    assert all(hole.end - hole.start <= timedelta(seconds=5) for hole in reading.holes)


async def test_documented_walk_follows_opaque_cursors_to_the_end() -> None:
    rows = light_rows(1, 500, start=START)
    reading = await read(LightSource(rows, NOW, replace(DOCUMENTED, cursor=CursorKey.OPAQUE)), WINDOW, OPAQUE, 300)
    assert reading.ids == {row.id for row in rows}
    assert reading.covered == Coverage((WINDOW,))


class Stuck(LightSource):
    """A source whose pages come from a script of its own."""

    def __init__(self, pages: list[Page]) -> None:
        super().__init__([], NOW)
        self.pages = pages

    async def page(self, query: PageQuery) -> Page:
        self.requests += 1
        return self.pages[min(self.requests, len(self.pages)) - 1]


async def test_a_page_that_repeats_for_ever_is_detected() -> None:
    first = await LightSource(light_rows(1, 60, start=START), NOW, DOCUMENTED).page(PageQuery())
    for capabilities in (OPAQUE, FALLING_BY_REQUEST):
        with pytest.raises(SourceContradiction, match=r"listing breaks its own order"):
            await read(Stuck([first]), WINDOW, capabilities, 50)


async def test_so_is_one_without_completion_times() -> None:
    first = await LightSource(light_rows(1, 60, start=START), NOW, DOCUMENTED).page(PageQuery())
    bare = replace(first, outputs=tuple(replace(each, output_created_at=None) for each in first.outputs))
    source = Stuck([bare])
    with pytest.raises(SourceContradiction, match="at or after its cursor"):
        await read(source, WINDOW, replace(FALLING_BY_COMPLETION, output_times=False), 50)
    assert source.requests < 40


async def test_an_empty_page_with_next_is_detected() -> None:
    empty = Page((), NOW, next="2026-11-01T00:00:00Z")
    for capabilities in (OPAQUE, FALLING_BY_REQUEST, FALLING_BY_COMPLETION, ASCENDING):
        with pytest.raises(SourceContradiction):
            await read(Stuck([empty]), WINDOW, capabilities, 50)


async def test_an_ascending_page_out_of_order_is_detected() -> None:
    rows = light_rows(1, 60, start=START)
    falling = await LightSource(rows, NOW).page(PageQuery())
    with pytest.raises(SourceContradiction, match="does not ascend"):
        await read(Stuck([falling]), WINDOW, ASCENDING, 50)


async def test_a_descending_page_out_of_order_is_detected() -> None:
    rising = await LightSource(light_rows(1, 60, start=START), NOW).page(
        PageQuery(order=Order.ASCENDING, cursor=START - MICROSECOND)
    )
    with pytest.raises(SourceContradiction, match="does not descend"):
        await read(Stuck([rising]), WINDOW, FALLING_BY_COMPLETION, 50)


def test_axis_follows_the_walk() -> None:
    assert ASCENDING.axis is Axis.COMPLETED
    assert FALLING_BY_REQUEST.axis is FALLING_BY_COMPLETION.axis is OPAQUE.axis is Axis.REQUESTED
