"""The order in which a verify visits the days: least recently checked first."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from ...model.partition_summary import PartitionSummary
from ...model.verification import is_believed

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Visit:
    """The rows of a day that were last checked after `after` and until `until`; None is no bound."""

    day: date
    after: datetime | None = None
    until: datetime | None = None

    def includes(self, checked: datetime) -> bool:
        """`checked`: when a row was last checked, or `NEVER`."""
        return (self.after is None or checked > self.after) and (self.until is None or checked <= self.until)


class Schedule:
    """The visits of one verify. `in_slices`: there is a budget, so the order matters row by row: of a day, only the rows are due
    that were checked no later than the first row of the next day. Otherwise each day is visited once.
    """

    def __init__(
        self, days: Iterable[date], partitions: Mapping[date, PartitionSummary], *, in_slices: bool, before: datetime
    ) -> None:
        self._in_slices, self._before = in_slices, before
        self._heap: list[tuple[datetime, date, datetime | None]] = [
            (_oldest(partitions.get(day), before), day, None) for day in days
        ]
        heapq.heapify(self._heap)
        self._stopped = False

    def next(self) -> Visit | None:
        """Return the next visit; None if nothing is left."""
        if self._stopped or not self._heap or (self._in_slices and self._heap[0][0] >= self._before):
            return None
        _, day, after = heapq.heappop(self._heap)
        until = self._heap[0][0] if self._in_slices and self._heap else None
        return Visit(day, after, until)

    def left(self, visit: Visit, oldest: datetime) -> None:
        """Some rows of the day were checked later than the visit includes, the first of them at `oldest`."""
        heapq.heappush(self._heap, (oldest, visit.day, visit.until))

    def stop(self) -> None:
        self._heap.clear()
        self._stopped = True


def believed(checked: datetime | None, now: datetime) -> datetime:
    """When something was last checked; `NEVER` if it was not, or if nobody knows when, since a clock was ahead."""
    return checked if checked is not None and is_believed(checked, now) else NEVER


def _oldest(known: PartitionSummary | None, now: datetime) -> datetime:
    """When the first row of a partition was last checked. Lost rows have no instant here, so they are looked up."""
    if known is None or known.images.lost:
        return NEVER
    if sum(each.images for each in known.verified if is_believed(each.at, now)) < known.images.archived:
        return NEVER
    return known.verified[0].at if known.verified else NEVER
