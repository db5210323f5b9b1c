"""Pages of the gallery: newest first, one section per day, continued by key."""

from __future__ import annotations

import asyncio
import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ...errors import ObjectInArchiveClass, PartitionDamaged
from ...model.object_keys import day_of
from .filters import EVERYTHING, Filter
from .picture import Picture, Position
from .ports import Pictures

PER_PAGE = 60
"""Pictures on one page at most."""
DAYS_AT_ONCE = 8
PATIENCE = 0.8
"""Seconds. A search that takes longer returns what it has found; the next page continues it."""


@dataclass(frozen=True, slots=True)
class Section:
    """Pictures of one day. `total`: how many match on that day. `problem`: why the day cannot be read, if it cannot."""

    day: date
    pictures: Sequence[Picture] = ()
    total: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PicturePage:
    """`next`: where the next page begins; None at the end. `searched_to`: the oldest day that was read; None if none was."""

    sections: Sequence[Section] = ()
    next: Position | None = None
    searched_to: date | None = None


@dataclass(frozen=True, slots=True)
class _Search:
    """What to look for, and where."""

    pictures: Pictures
    versions: Mapping[date, str]
    wanted: Filter

    def days(self, last: date = date.max) -> list[date]:
        """The days until `last` on which a picture can match, newest first."""
        return sorted((day for day in self.versions if day <= last and self.wanted.admits(day)), reverse=True)

    async def section(self, day: date, before: Position | None, limit: int) -> Section:
        """Return the matching pictures of a day. A partition that cannot be read is a section with its problem."""
        try:
            found = await self.pictures.matches(day, self.versions[day], self.wanted, before, limit)
        except (PartitionDamaged, ObjectInArchiveClass) as error:
            return Section(day, problem=f"{error.message}; {error.hint}" if error.hint else error.message)
        return Section(day, found.pictures, found.total)


async def page_of(
    pictures: Pictures,
    versions: Mapping[date, str],
    wanted: Filter = EVERYTHING,
    before: Position | None = None,
    limit: int = PER_PAGE,
    *,
    patience: float = PATIENCE,
    monotonic: Callable[[], float] = clock.monotonic,
) -> PicturePage:
    """Return the matching pictures that follow `before`, at most `limit`. Raises what the store raises.

    `versions`: all partitions with their version, as the checkpoint has them. Several days are read at the same time, and none
    after `patience` seconds: the page then ends at the last day read.
    """
    began, search = monotonic(), _Search(pictures, versions, wanted)
    days = search.days(_last_day(before))
    sections: list[Section] = []
    left, read = limit, 0
    while read < len(days) and (not read or monotonic() - began < patience):
        # Without a filter, the first day often fills the page.
        some = days[read : read + (DAYS_AT_ONCE if search.wanted or read else 1)]
        for section in await asyncio.gather(*(search.section(day, before, limit) for day in some)):
            read += 1
            shown = section.pictures[:left]
            if shown or section.problem:
                sections.append(Section(section.day, shown, section.total, section.problem))
            left -= len(shown)
            if left <= 0:
                oldest = shown[-1]
                return PicturePage(sections, Position(oldest.created_at, oldest.output_id), section.day)
    if not read:
        return PicturePage()
    return PicturePage(sections, Position(_midnight(days[read - 1])) if read < len(days) else None, days[read - 1])


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The pictures beside one in the order of the gallery. `number` of `total`: its place among those of its day."""

    newer: Picture | None = None
    older: Picture | None = None
    number: int = 0
    total: int = 0


async def neighbours_of(
    pictures: Pictures, versions: Mapping[date, str], wanted: Filter, picture: Picture, *, patience: float = PATIENCE
) -> Neighbours:
    """Return what to step to. A neighbour that is too far away to be found within `patience` seconds is None."""
    search = _Search(pictures, versions, wanted)
    day, at = day_of(picture.created_at), Position(picture.created_at, picture.output_id)
    place, page = await asyncio.gather(
        pictures.place(day, versions[day], wanted, at),
        page_of(pictures, versions, wanted, at, 1, patience=patience),
    )
    older = next((each for section in page.sections for each in section.pictures), None)
    newer = place.newer or await _last_of_newer_days(search, day, patience)
    return Neighbours(newer, older, place.number, place.total)


async def _last_of_newer_days(search: _Search, day: date, patience: float) -> Picture | None:
    """Return the oldest matching picture of the days after `day`."""
    began = clock.monotonic()
    for later in sorted(each for each in search.days() if each > day):
        section = await search.section(later, None, 1)
        if section.total:
            # Before everything of this day, in the order of the gallery, is the end of the next one.
            end = Position(_midnight(later))
            return (await search.pictures.place(later, search.versions[later], search.wanted, end)).newer
        if clock.monotonic() - began > patience:
            return None
    return None


def start_of(day: date) -> Position:
    """The position from which the gallery shows this day first."""
    return Position(_midnight(day) + timedelta(days=1))


def _last_day(before: Position | None) -> date:
    if before is None:
        return date.max
    last = day_of(before.at)
    return last - timedelta(days=1) if not before.output_id and before.at == _midnight(last) else last


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
