"""The days of the gallery, and the tiles of their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from math import inf
from urllib.parse import quote, urlencode

from ...archive.browsing.filters import Filter
from ...archive.browsing.pages import PicturePage, Section
from ...archive.browsing.picture import Picture
from ...model.manifest import State
from ...model.object_keys import day_of
from ...model.partition_summary import reason_of
from ..words import number
from .contexts import DaySection, Tile

HEIGHT, SMALL_HEIGHT = 384, 240
"""Of thumbnails in pixels, for two pixels per CSS pixel; the smaller ones are for phones."""
ALT = 200
UNKNOWN_SHAPE = (4, 3)
SPARSE = 3.5
"""Half a row of a wide screen: days whose pictures are narrower together share a section."""
MOST_SHARED = 14.0
LONGEST_SHARED = timedelta(days=31)
ABSENT = {
    State.FAILED: "Failed",
    State.LOST: "Lost",
    State.GONE: "Gone",
    State.FORGOTTEN: "Forgotten",
}


def sections_of(found: PicturePage, wanted: Filter, base: str) -> list[DaySection]:
    """The sections of a page. Links to pictures keep the filter, so that stepping stays within it. Consecutive days with few
    pictures share a section.
    """
    query = urlencode(wanted.parameters())
    groups: list[list[Section]] = []
    for section in found.sections:
        if groups and _may_share(groups[-1], section):
            groups[-1].append(section)
        else:
            groups.append([section])
    return [_section(group, base, f"?{query}" if query else "") for group in groups]


def _may_share(group: Sequence[Section], section: Section) -> bool:
    widths = [_width(each) for each in (*group, section)]
    days = group[0].day - section.day
    return max(widths) < SPARSE and sum(widths) <= MOST_SHARED and days < LONGEST_SHARED


def _width(section: Section) -> float:
    """Of all its pictures side by side, in heights of a row; without bound if there are more, or a problem to name."""
    if section.problem or len(section.pictures) < section.total:
        return inf
    return sum(ratio(picture) for picture in section.pictures)


def ratio(picture: Picture) -> float:
    """Width by height of the picture's place, which is bounded as the script does it."""
    width, height = shape_of(picture)
    return min(2.4, max(0.5, width / height))


def shape_of(picture: Picture) -> tuple[int, int]:
    return (picture.width, picture.height) if picture.width > 0 and picture.height > 0 else UNKNOWN_SHAPE


def _section(group: Sequence[Section], base: str, query: str) -> DaySection:
    total = sum(section.total for section in group)
    return DaySection(
        day=str(group[0].day),
        title=_title(group[-1].day, group[0].day),
        count=f"{number(total)} {'picture' if total == 1 else 'pictures'}",
        total=total,
        tiles=[tile_of(picture, base, query) for section in group for picture in section.pictures],
        problem=group[0].problem,
    )


def _title(first: date, last: date) -> str:
    """`Wednesday, 25 November 2026`, or `17 to 23 November 2026`."""
    if first == last:
        return f"{last:%A, %-d %B %Y}"
    start = (
        "%-d"
        if (first.year, first.month) == (last.year, last.month)
        else "%-d %B"
        if first.year == last.year
        else "%-d %B %Y"
    )
    return f"{first:{start}} to {last:%-d %B %Y}"


def address_of(picture: Picture, base: str) -> str:
    """The picture's address on the page: its day finds the partition."""
    return f"{base}/pictures/{day_of(picture.created_at)}/{quote(picture.output_id, safe='')}"


def tile_of(picture: Picture, base: str, query: str = "") -> Tile:
    """A picture in the grid. One that is not stored keeps its place, and says why; a forgotten one shows nothing of itself."""
    width, height = shape_of(picture)
    link, shown = address_of(picture, base), picture.shown
    if shown is None:
        state = State.FORGOTTEN if picture.is_forgotten else picture.state
        state = state if state in ABSENT else State.FAILED
        reason = reason_of(next(iter(picture.files.values())).error)
        why = f"{reason[:1].upper()}{reason[1:]}."
        return Tile(
            output_id=picture.output_id, link=link + query, alt=f"{ABSENT[state]}, no picture", width=width, height=height,
            absent=str(state), absent_title=ABSENT[state], why="" if state is State.FORGOTTEN else why,
        )  # fmt: skip
    return Tile(
        output_id=picture.output_id,
        link=link + query,
        alt=alt_of(picture),
        width=width,
        height=height,
        thumbnail=f"{link}/thumbnail?height={HEIGHT}",
        small=f"{link}/thumbnail?height={SMALL_HEIGHT}",
        favourite=picture.is_favorited,
        deleted=picture.deleted_at is not None,
    )


def alt_of(picture: Picture) -> str:
    """The prompt, or the date if there is none, and what the tile marks."""
    has_words = any(each.isprintable() and not each.isspace() for each in picture.prompt[:ALT])
    text = picture.prompt[:ALT] if has_words else f"Picture of {picture.created_at:%-d %B %Y}"
    marks = [", favourite"] * picture.is_favorited + [", deleted at the source"] * (picture.deleted_at is not None)
    return text + "".join(marks)
