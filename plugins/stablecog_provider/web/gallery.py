"""The gallery in words: sections, filters, the rail of time."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from urllib.parse import quote, urlencode

from ..archive.browsing.filters import GALLERY_STATUSES, Filter
from ..archive.browsing.pages import PicturePage, Section
from ..archive.browsing.picture import Picture, Position
from ..model.checkpoint import Checkpoint
from ..model.manifest import State
from ..model.object_keys import Layout, day_of
from ..model.times import BEGINNING, format_instant, parse_rfc3339
from .actions import offered
from .charts import timeline_of
from .gallery_contexts import (
    Chip,
    Choice,
    DaySection,
    FilterMenu,
    GalleryPage,
    Month,
    Rail,
    Tile,
    Year,
)
from .words import number

HEIGHT, SMALL_HEIGHT = 384, 240
"""Of thumbnails in pixels, for two pixels per CSS pixel; the smaller ones are for phones."""
ALT = 200
UNKNOWN_SHAPE = (4, 3)
ABSENT = {
    State.FAILED: "Failed",
    State.LOST: "Lost",
    State.GONE: "Gone at the source",
    State.FORGOTTEN: "Forgotten",
}
STATES = {State.ARCHIVED: "archived", **{state: title.lower() for state, title in ABSENT.items()}}
FLAGS = (("favourite", "Favourites"), ("upscaled", "Upscaled"), ("deleted", "Deleted at the source"))


def gallery_of(
    checkpoint: Checkpoint,
    found: PicturePage,
    wanted: Filter,
    now: datetime,
    *,
    base: str,
    layout: Layout,
    at: date | None,
    allowed: frozenset[str],
) -> GalleryPage:
    """Put a page of pictures in words. `base`: the archive's address on the page. `allowed`: as in `band_of`."""
    outputs = number(checkpoint.live)
    parameters = wanted.parameters()
    return GalleryPage(
        count=f"{outputs} outputs, newest first" if not wanted else _matched(found, outputs),
        words=" ".join(wanted.words),
        chips=_chips(wanted, base),
        menus=_menus(wanted),
        flags=[Choice(name, text, getattr(wanted, name)) for name, text in FLAGS],
        since=str(wanted.since or ""),
        until=str(wanted.until or ""),
        sections=sections_of(found, wanted, base),
        more=more_of(found, wanted, base),
        searched_to=f"Searched back to {found.searched_to}." if wanted and found.next and found.searched_to else "",
        rail=_rail(checkpoint, now, at),
        years=_years(checkpoint, base, parameters),
        clear=f"{base}/gallery",
        command=_restore(str(layout), wanted),
        restore=next(iter(offered(["restore"], allowed, layout)), None),
        base=base,
    )


def _matched(found: PicturePage, outputs: str) -> str:
    total = sum(section.total for section in found.sections)
    return f"{number(total)}{'+' if found.next else ''} of {outputs} outputs"


def sections_of(found: PicturePage, wanted: Filter, base: str) -> list[DaySection]:
    """The sections of a page. Links to pictures keep the filter, so that stepping stays within it."""
    query = urlencode(wanted.parameters())
    return [_section(section, base, f"?{query}" if query else "") for section in found.sections]


def _section(section: Section, base: str, query: str) -> DaySection:
    return DaySection(
        day=str(section.day),
        title=f"{section.day:%A, %-d %B %Y}",
        count=f"{number(section.total)} {'picture' if section.total == 1 else 'pictures'}",
        tiles=[tile_of(picture, base, query) for picture in section.pictures],
        problem=section.problem,
    )


def address_of(picture: Picture, base: str) -> str:
    """The picture's address on the page: its day finds the partition."""
    return f"{base}/pictures/{day_of(picture.created_at)}/{quote(picture.output_id, safe='')}"


def tile_of(picture: Picture, base: str, query: str = "") -> Tile:
    """A picture in the grid. One that is not stored keeps its place, and says why; a forgotten one shows nothing of itself."""
    width, height = (picture.width, picture.height) if picture.width > 0 and picture.height > 0 else UNKNOWN_SHAPE
    link, shown = address_of(picture, base), picture.shown
    if shown is None:
        state = picture.state if picture.state in ABSENT else State.FAILED
        why = next(iter(picture.files.values())).error
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
    text = picture.prompt[:ALT] or f"Picture of {picture.created_at:%-d %B %Y}"
    marks = [", favourite"] * picture.is_favorited + [", deleted at the source"] * (picture.deleted_at is not None)
    return text + "".join(marks)


def more_of(found: PicturePage, wanted: Filter, base: str) -> str:
    """The address of the next page."""
    if found.next is None:
        return ""
    return f"{base}/gallery?{urlencode([*wanted.parameters(), ('before', position_text(found.next))])}"


def position_text(position: Position) -> str:
    return f"{format_instant(position.at)}/{position.output_id}"


def position_of(text: str) -> Position | None:
    """Parse what `position_text` wrote; None if it is nothing of the kind."""
    instant, _, output_id = text.partition("/")
    try:
        return Position(parse_rfc3339(instant), output_id[:200])
    except ValueError:
        return None


def _chips(wanted: Filter, base: str) -> list[Chip]:
    names = {"q": "", "model": "Model: ", "status": "Gallery: ", "state": "State: ", "from": "From ", "to": "To "}
    flags = dict(FLAGS)
    chips = []
    for name, value in wanted.parameters():
        left = urlencode(wanted.without(name, value))
        text = flags[name] if name in flags else f"{names[name]}{value}"
        chips.append(Chip(text, f"{base}/gallery?{left}" if left else f"{base}/gallery"))
    return chips


def _menus(wanted: Filter) -> list[FilterMenu]:
    statuses = dict.fromkeys((*GALLERY_STATUSES, *wanted.statuses))
    return [
        FilterMenu(
            name="status",
            title="Gallery",
            active=bool(wanted.statuses),
            choices=[Choice(value, value.replace("_", " "), value in wanted.statuses) for value in statuses],
        ),
        FilterMenu(
            name="state",
            title="State",
            active=bool(wanted.states),
            choices=[Choice(str(value), text, value in wanted.states) for value, text in STATES.items()],
        ),
    ]


def _rail(checkpoint: Checkpoint, now: datetime, at: date | None) -> Rail | None:
    drawn = timeline_of(checkpoint, now)
    if drawn is None:
        return None
    first = date.fromisoformat(drawn.first)
    last = first + timedelta(days=drawn.days - 1)
    return Rail(
        first=str(first),
        last=str(last),
        at=str(min(max(at, first), last) if at else last),
        days=drawn.days,
        weeks=[bar.height for bar in drawn.history],
        gaps=[(gap.x, gap.width) for gap in drawn.gaps],
        years=drawn.years,
    )


def _years(checkpoint: Checkpoint, base: str, parameters: Sequence[tuple[str, str]]) -> list[Year]:
    months: dict[tuple[int, int], int] = {}
    for day, each in checkpoint.partitions.items():
        if each.live and day > day_of(BEGINNING):
            months[day.year, day.month] = months.get((day.year, day.month), 0) + each.live
    top = max(months.values(), default=1)
    found = []
    for year in sorted({year for year, _ in months}, reverse=True):
        cells = [_month(year, month, months.get((year, month), 0), top, base, parameters) for month in range(1, 13)]
        made = sum(count for (of, _), count in months.items() if of == year)
        found.append(Year(str(year), f"{number(made)} outputs", cells))
    return found


def _month(year: int, month: int, made: int, top: int, base: str, parameters: Sequence[tuple[str, str]]) -> Month:
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    link = f"{base}/gallery?{urlencode([*parameters, ('at', str(last))])}" if made else ""
    return Month(f"{last:%b}", str(year), number(made), round(made * 20 / top, 1), link)


def _restore(archive: str, wanted: Filter) -> str:
    where = f" --where {shell_word(wanted.where())}" if wanted.where() else ""
    return f"stablecog-archive restore --from {archive} --to-folder restored{where}"


def shell_word(text: str) -> str:
    """The text as one word for a shell: in double quotes, which keep the quotes of SQL readable, if that is safe."""
    if "!" in text:
        # In double quotes, an interactive bash replaces it by an earlier command.
        return shlex.quote(text)
    return '"' + re.sub(r'([\\"$`])', r"\\\1", text) + '"'
