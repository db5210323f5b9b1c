"""Planning windows of equal work: they tile what is missing, and each holds about its share."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.local.light_source import LightSource
from stablecog_provider.archive.plan import NARROWEST, plan
from stablecog_provider.errors import ConfigurationError, SourceUnavailable
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.coverage import Axis, Coverage, Window
from stablecog_provider.model.page import Page, PageQuery
from stablecog_provider.model.times import BEGINNING
from stablecog_provider.simulator.dialect import CURRENT
from stablecog_provider.simulator.history import Pace, light_rows
from stablecog_provider.simulator.listing import LightRow

START = datetime(2026, 11, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)


@given(
    st.lists(st.integers(0, 28 * 24 * 60), min_size=2, max_size=60),
    st.integers(1, 12),
    st.integers(0, 20),
    st.integers(0, 20),
)
async def test_the_windows_tile_what_is_missing(minutes: list[int], pieces: int, first: int, days: int) -> None:
    rows = [
        LightRow(str(n), START + timedelta(minutes=at), START + timedelta(minutes=at)) for n, at in enumerate(minutes)
    ]
    covered = (
        Coverage((Window(START + timedelta(days=first), START + timedelta(days=first + days)),)) if days else Coverage()
    )
    checkpoint = Checkpoint(source="https://light.test", axis=Axis.COMPLETED, coverage=covered)
    planned = await plan(LightSource(rows, NOW), checkpoint, pieces=pieces)
    whole = Window(BEGINNING, NOW - timedelta(seconds=30))
    assert Coverage.of(piece.window for piece in planned) == covered.gaps(whole)
    for one, other in pairwise(planned):
        assert one.window.end <= other.window.start, "no two overlap"
    for piece in planned:
        assert piece.outputs == sum(row.g in piece.window for row in rows)


async def test_each_window_holds_about_its_share() -> None:
    rows = light_rows(1, 20_000, start=START, pace=Pace(every=60))
    source = LightSource(rows, NOW)
    planned = await plan(source, None, pieces=10)
    assert 10 <= len(planned) <= 20
    assert max(piece.outputs for piece in planned) <= 2000
    assert source.requests <= 2 * len(planned) + 6


@pytest.mark.parametrize("pieces", [4, 16, 64])
async def test_a_lumpy_account_costs_few_counts_per_window(pieces: int) -> None:
    """Nights without an output, and busy days: interpolation alone would miss."""
    busy = [START + timedelta(days=day, minutes=at) for day in range(0, 28, 3) for at in range(0, 600, 2)]
    rows = [LightRow(str(number), at, at) for number, at in enumerate(busy)]
    source = LightSource(rows, NOW)
    planned = await plan(source, None, pieces=pieces)
    assert max(piece.outputs for piece in planned) <= -(-len(rows) // pieces)
    assert pieces <= len(planned) <= 2 * pieces
    assert source.requests <= 4 * len(planned) + 6


class WithoutItsFirstPage(LightSource):
    async def page(self, query: PageQuery) -> Page:
        if query.cursor == BEGINNING:
            raise SourceUnavailable("500 Error getting generations")
        return await super().page(query)


async def test_a_first_output_that_cannot_be_listed_stops_no_plan() -> None:
    rows = light_rows(1, 2_000, start=START, pace=Pace(every=60))
    planned = await plan(WithoutItsFirstPage(rows, NOW), None, pieces=4)
    assert sum(piece.outputs for piece in planned) == 2_000
    assert max(piece.outputs for piece in planned) <= 500


async def test_a_burst_that_cannot_be_halved_stays_one_window() -> None:
    rows = [LightRow(str(n), START, START) for n in range(1000)]
    planned = await plan(LightSource(rows, NOW), None, pieces=10)
    [burst] = [piece for piece in planned if piece.outputs]
    assert burst.outputs == 1000
    assert burst.window.end - burst.window.start < NARROWEST * 2 or len(planned) <= 3


async def test_where_counts_do_not_honour_dates_the_gap_is_one_window() -> None:
    source = LightSource(light_rows(1, 500, start=START), NOW, replace(CURRENT, counts_by_date=False))
    [only] = await plan(source, None, pieces=10)
    assert only.window == Window(BEGINNING, NOW - timedelta(seconds=30))


async def test_nothing_missing_is_no_window() -> None:
    source = LightSource(light_rows(1, 50, start=START), NOW)
    full = Coverage((Window(BEGINNING, NOW),))
    assert await plan(source, Checkpoint(source=source.address, axis=Axis.COMPLETED, coverage=full), pieces=4) == []


async def test_no_pieces_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="pieces"):
        await plan(LightSource([], NOW), None, pieces=0)
