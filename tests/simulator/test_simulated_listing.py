"""The server's query, compared with a naive implementation of its specification."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stablecog_provider.model.page import Order, PageQuery
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, Ascending, CursorKey, Dialect
from stablecog_provider.simulator.listing import LightRow, Listed, Listing, QueryRefused, list_outputs, parse_rfc3339

START = datetime(2026, 11, 21, 8, tzinfo=UTC)


def at(ticks: int) -> datetime:
    return START + timedelta(microseconds=ticks)


@st.composite
def histories(draw: st.DrawFn) -> list[LightRow]:
    spans = draw(
        st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12), st.integers(0, 60) | st.none()), max_size=25)
    )
    return [
        LightRow(f"{n:02}", at(g), at(g + wait), None if gone is None else at(gone))
        for n, (g, wait, gone) in enumerate(spans)
    ]


instants = st.integers(-1, 16).map(at)
later = st.integers(5, 16).map(at)
dialects = st.builds(
    Dialect,
    ascending=st.sampled_from(Ascending),
    cursor=st.sampled_from((CursorKey.COMPLETED, CursorKey.REQUESTED)),
    counts_by_date=st.booleans(),
    per_page=st.booleans(),
)
queries = st.builds(
    PageQuery,
    cursor=st.none() | instants | instants.map(datetime.isoformat),
    order=st.sampled_from([None, *Order]),
    per_page=st.integers(1, 8) | st.none(),
    start=st.none() | instants,
    end=st.none() | instants,
)


def naive_page(rows: list[LightRow], query: PageQuery, now: datetime, dialect: Dialect) -> Listed[LightRow]:
    """Filter, sort, cut, as the specification says."""
    visible = [row for row in rows if row.o <= now and (row.deleted_at is None or row.deleted_at > now)]

    def key(row: LightRow) -> datetime:
        return row.o if dialect.cursor is CursorKey.COMPLETED else row.g

    rises = query.order is Order.ASCENDING and dialect.ascending is not Ascending.IGNORED
    matching = visible
    if query.cursor is not None:
        cursor = query.cursor if isinstance(query.cursor, datetime) else datetime.fromisoformat(query.cursor)
        if query.order is Order.ASCENDING and dialect.ascending is Ascending.HONOURED:
            matching = [row for row in visible if key(row) > cursor]
        else:
            matching = [row for row in visible if key(row) < cursor]
    matching = sorted(matching, key=lambda row: (row.g, row.o, row.id), reverse=not rises)
    size = query.per_page if query.per_page and dialect.per_page else 50
    counted = visible
    if dialect.counts_by_date and query.start:
        counted = [row for row in counted if row.g >= query.start]
    if dialect.counts_by_date and query.end:
        counted = [row for row in counted if row.g <= query.end]
    page = matching[:size]
    return Listed(
        rows=tuple(page),
        next=key(page[-1]) if len(matching) > size else None,
        total=len(counted) if query.cursor is None else None,
    )


@given(histories(), queries, later, dialects)
@settings(max_examples=600)
def test_a_page_is_what_the_specification_says(
    rows: list[LightRow], query: PageQuery, now: datetime, dialect: Dialect
) -> None:
    listing = Listing(rows, deleted_at=lambda row: row.deleted_at)
    assert listing.page(query, now, dialect) == naive_page(rows, query, now, dialect)


@given(histories(), queries, later)
def test_rows_added_one_by_one_list_as_rows_given_at_once(
    rows: list[LightRow], query: PageQuery, now: datetime
) -> None:
    grown: Listing[LightRow] = Listing()
    for row in rows:
        grown.add(row)
    assert grown.page(query, now) == list_outputs(rows, query, now)
    assert len(grown) == len(rows)


@given(histories(), st.integers(1, 8), st.sampled_from(Order), instants)
def test_an_opaque_cursor_loses_nothing_while_nothing_changes(
    rows: list[LightRow], size: int, order: Order, now: datetime
) -> None:
    listing, dialect = Listing(rows), replace(CURRENT, cursor=CursorKey.OPAQUE)
    read: list[LightRow] = []
    cursor: str | None = None
    for _ in range(len(rows) + 1):
        page = listing.page(PageQuery(cursor=cursor, order=order, per_page=size), now, dialect)
        read.extend(page.rows)
        if page.next is None:
            break
        assert isinstance(page.next, int)
        cursor = str(page.next)
    assert read == sorted(listing.visible(now), key=read.index)
    assert len(read) == len(list(listing.visible(now)))


def test_page_sizes() -> None:
    listing = Listing([LightRow(str(n), at(n), at(n)) for n in range(400)])
    now = at(1000)
    assert len(listing.page(PageQuery(), now).rows) == 50
    assert len(listing.page(PageQuery(per_page=300), now).rows) == 300
    assert len(listing.page(PageQuery(per_page=1), now).rows) == 1
    assert len(listing.page(PageQuery(per_page=300), now, replace(CURRENT, per_page=False)).rows) == 50
    for size in (0, -1, 301):
        with pytest.raises(QueryRefused, match="per_page"):
            listing.page(PageQuery(per_page=size), now)


@pytest.mark.parametrize(
    ("dialect", "cursor"),
    [
        (CURRENT, "yesterday"),
        (CURRENT, "50"),
        (CURRENT, "2026-11-21"),
        (CURRENT, "2026-11-21T08:00:00"),
        (CURRENT, "2026-13-21T08:00:00Z"),
        (CURRENT, "0001-01-01T00:00:00+14:00"),
        (replace(CURRENT, cursor=CursorKey.OPAQUE), "2026-11-21T08:00:00Z"),
        (replace(CURRENT, cursor=CursorKey.OPAQUE), "-1"),
    ],
)
def test_an_invalid_cursor_is_refused(dialect: Dialect, cursor: str) -> None:
    with pytest.raises(QueryRefused):
        Listing[LightRow]().page(PageQuery(cursor=cursor), START, dialect)


def test_the_filter_is_strict_and_the_last_page_has_no_next() -> None:
    listing, now = Listing([LightRow(str(n), at(n), at(n + 2)) for n in range(4)]), at(10)
    below = listing.page(PageQuery(cursor=at(4), per_page=2), now)
    assert ([row.id for row in below.rows], below.next) == (["1", "0"], None)
    above = listing.page(PageQuery(cursor=at(3), per_page=2, order=Order.ASCENDING), now)
    assert ([row.id for row in above.rows], above.next) == (["2", "3"], None)
    assert listing.page(PageQuery(cursor=at(5), per_page=2), now).next == at(3)


def test_cursors_from_the_edges_of_time_are_answered() -> None:
    listing = Listing([LightRow("a", at(0), at(3))])
    for cursor in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"):
        for order in Order:
            rows = listing.page(PageQuery(cursor=cursor, order=order), at(9)).rows
            assert len(rows) == ((cursor < "2026") == (order is Order.ASCENDING))


def test_a_cursor_is_read_to_the_microsecond_whatever_its_digits() -> None:
    assert parse_rfc3339("2026-11-21T08:00:00Z") == at(0)
    assert parse_rfc3339("2026-11-21T08:00:00.0000019Z") == at(1)
    assert parse_rfc3339("2026-11-21T09:00:00.1+01:00") == at(100_000)


def test_no_row_completes_before_it_was_requested() -> None:
    with pytest.raises(ValueError, match="before it was requested"):
        Listing([LightRow("a", at(1), at(0))])


def test_the_presets_are_what_the_page_and_the_server_do() -> None:
    rows = [LightRow(str(n), at(n), at(20 - n)) for n in range(5)]
    listing, now = Listing(rows), at(100)
    assert listing.page(PageQuery(per_page=2), now, CURRENT).next == at(17)
    assert listing.page(PageQuery(per_page=2), now, DOCUMENTED).next == at(3)
    window = PageQuery(start=at(1), end=at(3))
    assert listing.page(window, now, CURRENT).total == 3, "both ends count"
    assert listing.page(window, now, DOCUMENTED).total == 5
    rising = PageQuery(order=Order.ASCENDING, cursor=at(2), per_page=2)
    assert [row.id for row in listing.page(rising, now, CURRENT).rows] == ["0", "1"]
    assert [row.id for row in listing.page(replace(rising, cursor=at(17)), now, CURRENT).rows] == ["0", "1"]
    assert [row.id for row in listing.page(replace(rising, cursor=at(18)), now, CURRENT).rows] == ["0", "1"]
    assert [row.id for row in listing.page(replace(rising, cursor=at(19)), now, CURRENT).rows] == ["0"]
    assert [row.id for row in listing.page(rising, now, DOCUMENTED).rows] == ["0", "1"]
