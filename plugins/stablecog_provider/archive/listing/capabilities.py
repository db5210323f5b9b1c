"""What the source can do: tested once per run instead of assumed, and named in the run's report.

Nothing of this is on the published page. It is observed behaviour that may change, and is used while it is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

from ...errors import SourceContradiction, SourceUnavailable
from ...model.coverage import MAX_LATENCY, Axis
from ...model.output import Output, UnreadableOutput
from ...model.page import MAX_PER_PAGE, Order, Page, PageQuery
from ...model.times import FAR_FUTURE, MICROSECOND, parse_instant
from ..ports import Source
from .failing_pages import LEAST, SMALLER, Pages, raise_if_down

_NEVER = FAR_FUTURE - timedelta(days=1)


class WalkKind(StrEnum):
    """The three ways to read the listing, best first."""

    ASCENDING = "ascending"
    DESCENDING = "descending"
    DOCUMENTED = "documented"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the source was seen to do.

    `ascending`: `order=asc` with a cursor rises and holds only outputs completed after the cursor. `output_times`: outputs say
    when they completed. `cursor`: the axis on which `next` is a timestamp, so that a walk may begin anywhere; None if it is
    opaque. `counts_by_date`: `start_dt` and `end_dt` bound the count, so that any window can be proven. `empty`, `single`: the
    account has no output, or no more than fit on the one page that was asked for.
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
        """The axis along which coverage grows: completed for an ascending walk, requested for a descending one."""
        return Axis.COMPLETED if self.walk is WalkKind.ASCENDING else Axis.REQUESTED

    def to_document(self) -> dict[str, Any]:
        return {
            "ascending": self.ascending,
            "output_times": self.output_times,
            "cursor": str(self.cursor) if self.cursor else "not needed" if self.single else "opaque",
            "counts_by_date": self.counts_by_date,
        }


@dataclass(frozen=True, slots=True)
class Ascending:
    """A page that was asked for with `order=asc`, and the cursor it was asked with. `failing_from`: the cursor that it was to be
    asked with, if the smallest page from there fails; None if it does not.
    """

    page: Page
    cursor: datetime
    failing_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """What the source supports, and the pages that showed it: its first page, which has its time, and an ascending page.

    `deleted`: ids of outputs on these pages that the run has found deleted since.
    """

    capabilities: Capabilities
    page: Page
    ascending: Ascending | None = None
    deleted: set[str] = field(default_factory=set, compare=False)

    @property
    def seen(self) -> tuple[Output, ...]:
        return self.page.readable + (self.ascending.page.readable if self.ascending else ())


async def probe(source: Source, sweep_from: datetime | None = None) -> Probe:
    """Ask what the source can do, in two requests (one more if the account looks empty, or its newest output is unreadable).

    `sweep_from`: the ascending page is asked for from here on, as a whole page: then it is of use to the sweep, too.
    """
    # One request answers two questions: the listing ignores the dates, the count of a window in the far future must be 0.
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
    if not (last and last.created_at and completed and capabilities.cursor is Axis.COMPLETED):
        return Probe(capabilities, page)
    newest = min(completed, last.created_at) - MAX_LATENCY
    cursor = (newest if sweep_from is None else min(newest, sweep_from)) - MICROSECOND
    per_page = 10 if sweep_from is None else MAX_PER_PAGE
    ascending = await _ascending_page(source, cursor, completed - MICROSECOND, per_page)
    capabilities = replace(capabilities, ascending=_ascends(ascending.page, ascending.cursor))
    return Probe(capabilities, page, ascending if capabilities.ascending else None)


async def ascending_from(source: Source, asked: Probe, start: datetime) -> Ascending | None:
    """The page that shows what completed from `start` on, if the source ascends; None if its newest output has no times."""
    last = _last_dated(asked.page)
    if asked.ascending is None or last is None or last.output_created_at is None:
        return None
    # The newest output is shown at least. That the source ascends was seen on a page with more of them.
    latest = last.output_created_at - MICROSECOND
    return await _ascending_page(source, min(latest, start - MICROSECOND), latest, MAX_PER_PAGE)


async def _ascending_page(source: Source, cursor: datetime, latest: datetime, per_page: int) -> Ascending:
    """A smaller one, if an output on it makes the page fail, and one behind that output if there is none so small: else the sweep
    would never get past it, and no run past its beginning. `latest`: the last cursor behind which there is an output.
    """
    while True:
        try:
            page = await source.page(PageQuery(cursor=cursor, order=Order.ASCENDING, per_page=per_page))
            return Ascending(page, cursor)
        except SourceUnavailable as error:
            failure = error
        await raise_if_down(source)
        if per_page <= LEAST:
            break
        per_page = max(LEAST, per_page // SMALLER)
    try:
        served, page = await Pages(source, LEAST).beyond(cursor, latest)
    except SourceContradiction:
        # This source does not ascend, so that no later cursor leads around the output.
        raise failure from None
    return Ascending(page, served, failing_from=cursor)


def _last_dated(page: Page) -> Output | UnreadableOutput | None:
    return next((output for output in reversed(page.outputs) if output.created_at is not None), None)


def _cursor_axis(page: Page, last: Output | UnreadableOutput | None) -> Axis | None:
    """What `next` is. If there is none, the page itself is all there is, and no cursor need be asked with."""
    if page.next is None:
        return None
    try:
        instant = parse_instant(page.next)
    except ValueError:
        return None
    # The walk for a cursor by completion reads one by request as well, but not the other way round: without output times, too,
    # a cursor that is not the time of request must be taken for the time of completion.
    is_request = last is not None and instant == last.created_at != last.output_created_at
    return Axis.REQUESTED if is_request else Axis.COMPLETED


def _ascends(page: Page, cursor: datetime) -> bool:
    """A server that ignores `order`, or sorts by it but still filters below the cursor (as in 2023), lists older outputs."""
    completed = [output.output_created_at for output in page.outputs if output.output_created_at is not None]
    requested = [output.created_at for output in page.outputs if output.created_at is not None]
    return (
        bool(completed)
        and all(instant >= cursor for instant in completed)
        and all(before <= after for before, after in pairwise(requested))
    )
