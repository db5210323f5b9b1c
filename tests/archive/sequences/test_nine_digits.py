"""Times with nine digits, of which nobody keeps the last three."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dev.local.light_source import ASCENDING, FALLING_BY_COMPLETION, LightSource, instant_of, read
from stablecog_provider.archive.listing.capabilities import Capabilities
from stablecog_provider.model.coverage import Axis, Coverage, Window
from stablecog_provider.model.output import Output
from stablecog_provider.model.page import Order, Page, PageQuery
from stablecog_provider.model.times import MICROSECOND
from stablecog_provider.simulator.listing import LightRow
from support.stage import DAY, HOUR, NOON, Ask, Play, Stage, days_of, stage_of

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


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
