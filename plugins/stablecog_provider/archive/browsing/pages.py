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
DAYS_AT_ONCE = 16
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
    """`next`: where the next page begins, in the direction that was read; None at the end. `searched_to`: the last day that was
    read; None if none was. Sections are newest first, whatever the direction.
    """

    sections: Sequence[Section] = ()
    next: Position | None = None
    searched_to: date | None = None

    def edge(self, index: int) -> Position | None:
        """The position of the first (0) or the last (-1) picture; None if there is none."""
        shown = [picture for section in self.sections for picture in section.pictures]
        return Position(shown[index].created_at, shown[index].output_id) if shown else None


@dataclass(frozen=True, slots=True)
class _Search:
    """What to look for, in what direction."""

    pictures: Pictures
    versions: Mapping[date, str]
    wanted: Filter
    newer: bool = False

    def days(self, start: Position | None) -> list[date]:
        """The days on which a picture can match, in the order in which they are read."""
        admitted = sorted(day for day in self.versions if self.wanted.admits(day))
        if start is None:
            return admitted if self.newer else admitted[::-1]
        edge = day_of(start.at)
        if self.newer:
            return [day for day in admitted if day >= edge]
        at_midnight = not start.output_id and start.at == _midnight(edge)
        return [day for day in reversed(admitted) if day < edge or (day == edge and not at_midnight)]

    def end_of(self, day: date) -> Position:
        """The position behind all pictures of a day."""
        return start_of(day) if self.newer else Position(_midnight(day))

    async def section(self, day: date, start: Position | None, limit: int) -> Section:
        """Return the matching pictures of a day. A partition that cannot be read is a section with its problem."""
        look = self.pictures.newer if self.newer else self.pictures.matches
        try:
            found = await look(day, self.versions[day], self.wanted, start, limit)
        except (PartitionDamaged, ObjectInArchiveClass) as error:
            return Section(day, problem=f"{error.message}; {error.hint}" if error.hint else error.message)
        return Section(day, found.pictures, found.total)

    def some(self, section: Section, limit: int) -> Section:
        """The section with at most `limit` of its pictures, those that come first in the direction."""
        shown = section.pictures[-limit:] if self.newer else section.pictures[:limit]
        return Section(section.day, shown, section.total, section.problem)

    async def page(
        self, start: Position | None, limit: int, patience: float, monotonic: Callable[[], float]
    ) -> PicturePage:
        began, days = monotonic(), self.days(start)
        sections: list[Section] = []
        read = 0
        while read < len(days) and (not read or monotonic() - began < patience):
            # Without a filter, the first day often fills the page.
            some = days[read : read + (DAYS_AT_ONCE if self.wanted or read else 1)]
            for whole in await asyncio.gather(*(self.section(day, start, limit) for day in some)):
                read += 1
                section = self.some(whole, limit)
                if section.pictures or section.problem:
                    sections.append(section)
                limit -= len(section.pictures)
                if limit <= 0:
                    last = section.pictures[0 if self.newer else -1]
                    return self._page(sections, Position(last.created_at, last.output_id), section.day)
        following = self.end_of(days[read - 1]) if read < len(days) else None
        return self._page(sections, following, days[read - 1] if read else None)

    def _page(self, sections: list[Section], following: Position | None, searched_to: date | None) -> PicturePage:
        return PicturePage(sections[::-1] if self.newer else sections, following, searched_to)


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
    return await _Search(pictures, versions, wanted).page(before, limit, patience, monotonic)


async def newer_page_of(
    pictures: Pictures,
    versions: Mapping[date, str],
    wanted: Filter,
    after: Position,
    limit: int = PER_PAGE,
    *,
    patience: float = PATIENCE,
    monotonic: Callable[[], float] = clock.monotonic,
) -> PicturePage:
    """As `page_of`, in the other direction: the matching pictures that are just newer than `after`."""
    return await _Search(pictures, versions, wanted, newer=True).page(after, limit, patience, monotonic)


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
    day, at = day_of(picture.created_at), Position(picture.created_at, picture.output_id)
    place, newer, older = await asyncio.gather(
        pictures.place(day, versions[day], wanted, at),
        newer_page_of(pictures, versions, wanted, at, 1, patience=patience),
        page_of(pictures, versions, wanted, at, 1, patience=patience),
    )
    return Neighbours(_only(newer), _only(older), place.number, place.total)


def _only(page: PicturePage) -> Picture | None:
    return next((picture for section in page.sections for picture in section.pictures), None)


def start_of(day: date) -> Position:
    """The position from which the gallery shows this day first."""
    return Position(_midnight(day) + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
