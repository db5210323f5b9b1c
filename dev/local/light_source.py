"""A source for histories that consist of instants only: the simulator's listing over bare rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from stablecog_provider.archive.listing.capabilities import Capabilities
from stablecog_provider.archive.listing.walk import walk
from stablecog_provider.model.coverage import Axis, Coverage, Window
from stablecog_provider.model.output import Output
from stablecog_provider.model.page import Page, PageQuery
from stablecog_provider.model.times import format_instant
from stablecog_provider.simulator.dialect import CURRENT, Dialect
from stablecog_provider.simulator.listing import LightRow, Listing

ASCENDING = Capabilities(ascending=True, output_times=True, cursor=Axis.COMPLETED, counts_by_date=True)
FALLING_BY_COMPLETION = Capabilities(ascending=False, output_times=True, cursor=Axis.COMPLETED, counts_by_date=True)
FALLING_BY_REQUEST = Capabilities(ascending=False, output_times=False, cursor=Axis.REQUESTED, counts_by_date=True)
OPAQUE = Capabilities(ascending=False, output_times=False, cursor=None, counts_by_date=False)


class LightSource:
    """Port `Source` over `LightRow`s. Each request advances the time by `pace`, so outputs appear and vanish during a walk."""

    address = "https://light.test"

    def __init__(
        self, rows: Iterable[LightRow], now: datetime, dialect: Dialect = CURRENT, pace: timedelta = timedelta(0)
    ) -> None:
        self.listing = Listing(rows, deleted_at=lambda row: row.deleted_at)
        self.now, self.dialect, self.pace = now, dialect, pace
        self.requests = 0

    async def page(self, query: PageQuery) -> Page:
        self.requests += 1
        listed = self.listing.page(query, self.now, self.dialect)
        page = Page(
            outputs=tuple(output_of(row, self.dialect) for row in listed.rows),
            source_time=self.now,
            next=format_instant(listed.next)
            if isinstance(listed.next, datetime)
            else None
            if listed.next is None
            else str(listed.next),
            total=listed.total,
        )
        self.now += self.pace
        return page


def output_of(row: LightRow, dialect: Dialect = CURRENT) -> Output:
    return Output(
        id=row.id,
        image_url=f"https://images.test/{row.id}.jpeg",
        generation_id="g",
        created_at=row.g,
        output_created_at=row.o if dialect.output_times else None,
        raw="{}",
    )


class Reading:
    """Result of a walk: ids, and the coverage that it claims. `covered` and `holes` together must fill the window."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.covered, self.holes = Coverage(), Coverage()

    def lost(self, rows: Iterable[LightRow], axis: Axis) -> list[LightRow]:
        """Return rows that were neither read nor in a hole that the walk reported."""
        return [row for row in rows if row.id not in self.ids and instant_of(row, axis) not in self.holes]


def instant_of(row: LightRow, axis: Axis) -> datetime:
    return row.o if axis is Axis.COMPLETED else row.g


async def read(
    source: LightSource, window: Window, capabilities: Capabilities, per_page: int, most: int | None = None
) -> Reading:
    reading = Reading()
    async for step in walk(source, window, capabilities, per_page, most or per_page):
        reading.ids |= {output.id for output in step.outputs if output.id}
        reading.covered = reading.covered.merge(step.covered)
        reading.holes = reading.holes.merge(step.holes)
    return reading


async def naive(source: LightSource, per_page: int) -> set[str]:
    """Follow `next`, as the API documentation suggests, and return the ids."""
    ids: set[str] = set()
    page = await source.page(PageQuery(per_page=per_page))
    while True:
        ids |= {output.id for output in page.outputs if output.id}
        if page.next is None:
            return ids
        page = await source.page(PageQuery(cursor=page.next, per_page=per_page))
