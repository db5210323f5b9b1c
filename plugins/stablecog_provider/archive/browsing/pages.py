"""Pages of the gallery: newest first, a day per section, continued by key."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ...errors import ObjectInArchiveClass, PartitionDamaged
from ...model.object_keys import day_of
from .filters import Filter
from .picture import Matches, Picture, Position
from .ports import Pictures

PER_PAGE = 60
"""Pictures that a page shows at most."""
DAYS_AT_ONCE = 8
MOST_DAYS = 64
"""Partitions that are read for one page. A search goes on with the next page, so that the first results appear soon."""


@dataclass(frozen=True, slots=True)
class Section:
    """Pictures of one day. `total`: how many match on that day. `problem`: why the day cannot be read, if it cannot."""

    day: date
    pictures: Sequence[Picture] = ()
    total: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PicturePage:
    """`next`: where the next page begins, None at the end. `searched_to`: the oldest day that was looked through."""

    sections: Sequence[Section] = ()
    next: Position | None = None
    searched_to: date | None = None


async def page_of(
    pictures: Pictures,
    versions: Mapping[date, str],
    wanted: Filter,
    before: Position | None = None,
    limit: int = PER_PAGE,
) -> PicturePage:
    """Return the pictures that follow `before`, at most `limit`. `versions`: all partitions with their version.

    Raises what the store raises. A partition that is damaged or in an archive storage class becomes a section with its problem.
    """
    last = day_of(before.at) if before else date.max
    days = sorted((day for day in versions if day <= last and wanted.admits(day)), reverse=True)
    if before and not before.output_id and before.at == _midnight(last):
        days = [day for day in days if day < last]
    sections: list[Section] = []
    left = limit
    read = 0
    while read < min(len(days), MOST_DAYS):
        # Without a filter, the first day often fills the page.
        some = days[read : read + (DAYS_AT_ONCE if wanted or read else 1)]
        read += len(some)
        found = await asyncio.gather(*(_section(pictures, day, versions[day], wanted, before, limit) for day in some))
        for section in found:
            if not section.pictures and not section.problem:
                continue
            shown = section.pictures[:left]
            sections.append(Section(section.day, shown, section.total, section.problem))
            left -= len(shown)
            if left <= 0:
                oldest = shown[-1]
                return PicturePage(sections, Position(oldest.created_at, oldest.output_id), section.day)
    searched_to = days[read - 1] if read else None
    return PicturePage(sections, Position(_midnight(days[read - 1])) if read < len(days) else None, searched_to)


async def _section(
    pictures: Pictures, day: date, version: str, wanted: Filter, before: Position | None, limit: int
) -> Section:
    try:
        found: Matches = await pictures.matches(day, version, wanted, before, limit)
    except (PartitionDamaged, ObjectInArchiveClass) as error:
        return Section(day, problem=f"{error.message}; {error.hint}" if error.hint else error.message)
    return Section(day, found.pictures, found.total)


def start_of(day: date) -> Position:
    """The position from which the gallery shows this day first."""
    return Position(_midnight(day) + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
