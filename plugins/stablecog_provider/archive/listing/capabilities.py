"""The source's capabilities: tested once per run, never assumed, and part of the run report.

The published documentation mentions none of them. They are observed behaviour that may change, and are used if present.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

from ...model.coverage import MAX_LATENCY, Axis
from ...model.output import Output, UnreadableOutput
from ...model.page import Order, Page, PageQuery
from ...model.times import FAR_FUTURE, MICROSECOND, parse_instant
from ..ports import Source

_NEVER = FAR_FUTURE - timedelta(days=1)


class WalkKind(StrEnum):
    """The three ways to read the listing, the best first."""

    ASCENDING = "ascending"
    DESCENDING = "descending"
    DOCUMENTED = "documented"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the source supports.

    - `ascending`: a page with `order=asc` and a cursor ascends and lists only outputs completed after the cursor.
    - `output_times`: outputs have a completion time.
    - `cursor`: the axis on which `next` is a timestamp, so that a walk can start anywhere; None if it is opaque.
    - `counts_by_date`: `start_dt` and `end_dt` limit the count, so that any window can be proven.
    - `empty`, `single`: the account has no output, or no more than fit on the requested page.
    """

    ascending: bool
    output_times: bool
    cursor: Axis | None
    counts_by_date: bool
    empty: bool = False
    single: bool = False

    @property
    def walk(self) -> WalkKind:
        if self.ascending and self.output_times and self.cursor is Axis.COMPLETED:
            return WalkKind.ASCENDING
        return WalkKind.DOCUMENTED if self.cursor is None else WalkKind.DESCENDING

    @property
    def axis(self) -> Axis:
        """Coverage grows in the direction of the walk: by completion if it ascends, by request if it descends."""
        return Axis.COMPLETED if self.walk is WalkKind.ASCENDING else Axis.REQUESTED

    def to_document(self) -> dict[str, Any]:
        return {
            "ascending": self.ascending,
            "output_times": self.output_times,
            "cursor": str(self.cursor) if self.cursor else "not needed" if self.single else "opaque",
            "counts_by_date": self.counts_by_date,
        }


@dataclass(frozen=True, slots=True)
class Probe:
    """The source's capabilities, its first page (which has the source's time), and the outputs seen so far."""

    capabilities: Capabilities
    page: Page
    seen: tuple[Output, ...] = ()


async def probe(source: Source) -> Probe:
    """Test what the source supports, in two requests (one more if the account looks empty or its newest output is unreadable)."""
    # One request for two tests: the listing ignores the dates, and the count of a window in the far future must be 0.
    page = await source.page(PageQuery(per_page=1, start=_NEVER))
    counts_by_date = page.total == 0
    if not page.outputs:
        page = await source.page(PageQuery(per_page=1))
    last = _last_dated(page)
    if last is None and page.next is not None:
        page = await source.page(PageQuery(per_page=50))
        last = _last_dated(page)
    completed = last.output_created_at if last else None
    capabilities = Capabilities(
        ascending=False,
        output_times=completed is not None,
        cursor=_cursor_axis(page, last),
        counts_by_date=counts_by_date,
        empty=not page.outputs,
        single=page.next is None,
    )
    seen = page.readable
    if last and last.created_at and completed and capabilities.cursor is Axis.COMPLETED:
        cursor = min(completed, last.created_at) - MAX_LATENCY - MICROSECOND
        ascending = await source.page(PageQuery(cursor=cursor, order=Order.ASCENDING, per_page=10))
        capabilities = replace(capabilities, ascending=_ascends(ascending, cursor))
        seen = (*seen, *ascending.readable)
    return Probe(capabilities, page, seen)


def _last_dated(page: Page) -> Output | UnreadableOutput | None:
    return next((output for output in reversed(page.outputs) if output.created_at is not None), None)


def _cursor_axis(page: Page, last: Output | UnreadableOutput | None) -> Axis | None:
    """Return the axis of `next`, or None if it is opaque or missing. Without `next`, the page is the whole listing."""
    if page.next is None:
        return None
    try:
        instant = parse_instant(page.next)
    except ValueError:
        return None
    if last is not None and instant == last.created_at != last.output_created_at:
        return Axis.REQUESTED
    return Axis.COMPLETED if last is not None and last.output_created_at else Axis.REQUESTED


def _ascends(page: Page, cursor: datetime) -> bool:
    """Whether the page honours `order=asc`. A server that ignores it, or that sorts by it but still filters below the cursor
    (as in 2023), lists older outputs.
    """
    completed = [output.output_created_at for output in page.outputs if output.output_created_at is not None]
    requested = [output.created_at for output in page.outputs if output.created_at is not None]
    return (
        bool(completed)
        and all(instant > cursor for instant in completed)
        and all(before <= after for before, after in pairwise(requested))
    )
