"""The walk without the product around it, over bare rows: dense, and finer than our digits."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dev.local.light_source import ASCENDING, FALLING_BY_COMPLETION, LightSource, instant_of, read
from stablecog_provider.archive.listing.capabilities import Capabilities
from stablecog_provider.archive.listing.strips import MOST_CUTS
from stablecog_provider.model.coverage import Axis, Coverage, Window
from stablecog_provider.model.output import Output
from stablecog_provider.model.page import Page, PageQuery
from stablecog_provider.model.times import MICROSECOND
from stablecog_provider.simulator.listing import LightRow
from support.stage import DAY, HOUR, NOON

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("capabilities", [ASCENDING, FALLING_BY_COMPLETION], ids=["rising", "falling"])
async def test_the_walk_alone_reads_a_dense_burst_at_a_bounded_cost(capabilities: Capabilities) -> None:
    """Sequence 33, over the walk alone: 2,000 outputs within 20 s; what it does not cover, it reports as a hole."""
    rows = [
        LightRow(
            f"o{number}", NOON + number * SECOND / 100 - (number * 31 % 240) * SECOND, NOON + number * SECOND / 100
        )
        for number in range(2000)
    ]
    source, wanted = LightSource(rows, NOON + DAY), Window(NOON - HOUR, NOON + HOUR)
    axis = Axis.COMPLETED if capabilities is ASCENDING else Axis.REQUESTED
    reading = await read(source, wanted, capabilities, 300)
    assert source.requests <= 2 * MOST_CUTS
    assert not reading.lost(rows, axis)
    assert reading.covered.merge(reading.holes) == Coverage((wanted,))


class NineDigits(LightSource):
    """A source that keeps ten times as many digits as we do: its filter and its order see what is cut off for us.

    Instants of the rows count tenths of a microsecond from `start`.
    """

    def __init__(self, rows: list[LightRow], now: datetime, start: datetime) -> None:
        super().__init__(rows, now)
        self.start = start

    async def page(self, query: PageQuery) -> Page:
        fine = replace(query, cursor=self.fine(query.cursor), start=self.fine(query.start), end=self.fine(query.end))
        page = await super().page(fine)
        outputs = tuple(self.cut(output) for output in page.outputs if isinstance(output, Output))
        return replace(page, outputs=outputs)

    def fine(self, instant: datetime | str | None) -> datetime | None:
        return self.start + (instant - self.start) * 10 if isinstance(instant, datetime) else None

    def cut(self, output: Output) -> Output:
        def coarse(instant: datetime) -> datetime:
            return self.start + (instant - self.start) // 10

        completed = output.output_created_at
        return replace(
            output,
            created_at=coarse(output.created_at),
            output_created_at=coarse(completed) if completed else None,
        )


@pytest.mark.parametrize("capabilities", [ASCENDING, FALLING_BY_COMPLETION], ids=["rising", "falling"])
@pytest.mark.parametrize("per_page", [10, 50])
async def test_digits_below_a_microsecond_break_no_walk(capabilities: Capabilities, per_page: int) -> None:
    """Sequences 27 and 32, over the walk alone: a dense account whose times differ below what is kept."""
    start = NOON - DAY
    tenth = MICROSECOND
    rows = [
        LightRow(
            f"o{number}", start + number * 7 * tenth, start + number * 7 * tenth + (number % 5) * 40_000_000 * tenth
        )
        for number in range(600)
    ]
    axis = Axis.COMPLETED if capabilities is ASCENDING else Axis.REQUESTED
    coarse = [LightRow(row.id, start + (row.g - start) // 10, start + (row.o - start) // 10) for row in rows]
    wanted = Window(start - SECOND, start + HOUR)
    known, ids = Coverage(), set[str]()
    for _ in range(40):
        for gap in known.gaps(wanted):
            reading = await read(NineDigits(rows, NOON + 30 * DAY, start), gap, capabilities, per_page, 50)
            ids |= reading.ids
            known = known.merge(reading.covered).merge(reading.holes)
            assert not [row for row in coarse if row.id not in ids and instant_of(row, axis) in reading.covered]
    assert known.gaps(wanted) == Coverage()
