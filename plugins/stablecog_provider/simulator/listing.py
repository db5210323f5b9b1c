"""The server's query as a pure function of rows, query, dialect and time. It loses rows, as the real one does.

The server sorts by (`g`, `o`), filters a page strictly by the cursor, and returns the cursor key of the last row as `next`.
Rows are lost between two pages if sort key and cursor key differ, or if rows tie. Source: the service's open-source server
(2025-11), and the API documentation for the documented dialect.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Generic, Protocol, TypeVar

from ..model.page import MAX_PER_PAGE, Order, PageQuery
from .dialect import CURRENT, Ascending, CursorKey, Dialect

DEFAULT_PER_PAGE = 50
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


class ListedRow(Protocol):
    """An output in the listing: requested at `g`, completed and visible from `o` on, `g <= o`."""

    @property
    def id(self) -> str: ...
    @property
    def g(self) -> datetime: ...
    @property
    def o(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class LightRow:
    """A minimal row, for tests over random histories without documents, images or HTTP."""

    id: str
    g: datetime
    o: datetime
    deleted_at: datetime | None = None


Row = TypeVar("Row", bound=ListedRow)


class QueryRefused(ValueError):
    """The server answers 400."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[Row]):
    """One page.

    `next`: an instant, an integer if the cursor is opaque, or None on the last page. `total`: only if the query has no cursor.
    """

    rows: tuple[Row, ...]
    next: datetime | int | None = None
    total: int | None = None


def parse_rfc3339(text: str) -> datetime:
    """Parse as Go does: date, `T`, time, any number of fraction digits (cut to microseconds), zone. Raises QueryRefused."""
    if not _RFC3339.fullmatch(text):
        raise QueryRefused(f"not an RFC 3339 timestamp: {text[:60]!r}")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise QueryRefused(str(error)) from None


class Listing(Generic[Row]):
    """The rows of one account, sorted once. `deleted_at` returns the instant from which a row is neither listed nor counted."""

    def __init__(self, rows: Iterable[Row] = (), *, deleted_at: Callable[[Row], datetime | None] | None = None) -> None:
        self._deleted_at = deleted_at
        self._rows: list[Row] = sorted(rows, key=_sort_key)
        self._longest = timedelta(0)
        for row in self._rows:
            self._measure(row)

    def _measure(self, row: Row) -> None:
        if row.o < row.g:
            raise ValueError(f"output {row.id} completes before it was requested")
        self._longest = max(self._longest, row.o - row.g)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: Row) -> None:
        self._measure(row)
        insort(self._rows, row, key=_sort_key)

    def visible(self, now: datetime) -> Iterator[Row]:
        """Yield the outputs of the account at `now`, oldest request first."""
        return (row for row in self._rows[: self._requested_by(now)] if self._is_visible(row, now))

    def count(self, now: datetime, start: datetime | None = None, end: datetime | None = None) -> int:
        """Return the number of outputs visible at `now` with `start <= g <= end`."""
        low = bisect_left(self._rows, start, key=_g) if start else 0
        high = min(self._requested_by(now), bisect_right(self._rows, end, key=_g) if end else len(self._rows))
        return sum(self._is_visible(row, now) for row in self._rows[low:high])

    def page(self, query: PageQuery, now: datetime, dialect: Dialect = CURRENT) -> Listed[Row]:
        """Return the server's page at `now`. Raises QueryRefused."""
        size = page_size(query, dialect)
        rising = query.order is Order.ASCENDING and dialect.ascending is not Ascending.IGNORED
        if dialect.cursor is CursorKey.OPAQUE:
            offset = _offset(query.cursor)
            found = list(islice(self._scan(rising, 0, len(self._rows), now), offset, offset + size + 1))
        else:
            cursor = parse_rfc3339(query.cursor) if isinstance(query.cursor, str) else query.cursor
            found = list(islice(self._beyond(cursor, rising, now, dialect), size + 1))
            offset = 0
        rows = tuple(found[:size])
        return Listed(
            rows=rows,
            next=_next(rows[-1], offset + size, dialect) if len(found) > size else None,
            total=self._total(query, now, dialect) if query.cursor is None else None,
        )

    def _total(self, query: PageQuery, now: datetime, dialect: Dialect) -> int:
        return self.count(now, query.start, query.end) if dialect.counts_by_date else self.count(now)

    def _beyond(self, cursor: datetime | None, rising: bool, now: datetime, dialect: Dialect) -> Iterator[Row]:
        """Yield the visible rows that the cursor selects, in the page's order.

        Bisection only skips rows that the filter would drop, as `g <= o <= g + longest` for every row.
        """
        low, high = 0, self._requested_by(now)
        if cursor is None or not self._rows:
            yield from self._scan(rising, low, high, now)
            return
        key: Callable[[Row], datetime] = _o if dialect.cursor is CursorKey.COMPLETED else _g
        if rising and dialect.ascending is Ascending.HONOURED:
            if cursor > self._rows[0].g:
                low = bisect_left(self._rows, cursor - self._longest, key=_g)
            yield from (row for row in self._scan(rising, low, high, now) if key(row) > cursor)
        else:
            high = min(high, bisect_left(self._rows, cursor, key=_g))
            yield from (row for row in self._scan(rising, low, high, now) if key(row) < cursor)

    def _scan(self, rising: bool, low: int, high: int, now: datetime) -> Iterator[Row]:
        for position in range(low, high) if rising else range(high - 1, low - 1, -1):
            row = self._rows[position]
            if self._is_visible(row, now):
                yield row

    def _requested_by(self, now: datetime) -> int:
        return bisect_right(self._rows, now, key=_g)

    def _is_visible(self, row: Row, now: datetime) -> bool:
        if row.o > now:
            return False
        gone = self._deleted_at(row) if self._deleted_at else None
        return gone is None or now < gone


def list_outputs(rows: Iterable[Row], query: PageQuery, now: datetime, dialect: Dialect = CURRENT) -> Listed[Row]:
    """Return one page of rows that are never deleted. It sorts each time: keep a `Listing` for several queries."""
    return Listing(rows).page(query, now, dialect)


def page_size(query: PageQuery, dialect: Dialect) -> int:
    """Return the page size. Raises QueryRefused outside of 1 to 300."""
    if query.per_page is None or not dialect.per_page:
        return DEFAULT_PER_PAGE
    if not 1 <= query.per_page <= MAX_PER_PAGE:
        raise QueryRefused(f"per_page must be between 1 and {MAX_PER_PAGE}")
    return query.per_page


def _offset(cursor: datetime | str | None) -> int:
    if cursor is None:
        return 0
    if not isinstance(cursor, str) or not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise QueryRefused("cursor must be an integer")
    return int(cursor)


def _next(last: ListedRow, passed: int, dialect: Dialect) -> datetime | int:
    if dialect.cursor is CursorKey.OPAQUE:
        return passed
    return last.o if dialect.cursor is CursorKey.COMPLETED else last.g


def _g(row: ListedRow) -> datetime:
    return row.g


def _o(row: ListedRow) -> datetime:
    return row.o


def _sort_key(row: ListedRow) -> tuple[datetime, datetime, str]:
    return row.g, row.o, row.id
