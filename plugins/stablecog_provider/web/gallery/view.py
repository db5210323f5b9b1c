"""The gallery in words: counts, filters, and the command that restores what they match."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from ...archive.browsing.filters import GALLERY_STATUSES, Filter
from ...archive.browsing.pages import PicturePage
from ...archive.browsing.picture import Position
from ...model.checkpoint import Checkpoint
from ...model.manifest import State
from ...model.names import Names
from ...model.object_keys import Layout
from ...model.times import format_instant, parse_rfc3339
from ..actions import offered
from ..words import number
from .contexts import Chip, Choice, FilterMenu, GalleryPage
from .sections import ABSENT, sections_of
from .time_rail import rail_of, years_of

STATES = {State.ARCHIVED: "archived", **{state: title.lower() for state, title in ABSENT.items()}}
FLAGS = (("favourite", "Favourites"), ("upscaled", "Upscaled"), ("deleted", "Deleted at the source"))


def gallery_of(
    checkpoint: Checkpoint,
    found: Found,
    wanted: Filter,
    now: datetime,
    *,
    models: Sequence[str],
    names: Names,
    base: str,
    layout: Layout,
    at: date | None,
    allowed: frozenset[str],
) -> GalleryPage:
    """Put a page of pictures in words. `models`: ids of those that can be chosen. `base`: the archive's address on the page.
    `allowed`: as in `band_of`.
    """
    outputs = number(checkpoint.live)
    parameters = wanted.parameters()
    page = found.page
    return GalleryPage(
        count=f"{outputs} outputs, newest first" if not wanted else _matched(found, outputs),
        words=" ".join(wanted.words),
        chips=_chips(wanted, base, names),
        menus=_menus(wanted, models, names),
        flags=[Choice(name, text, getattr(wanted, name)) for name, text in FLAGS],
        since=str(wanted.since or ""),
        until=str(wanted.until or ""),
        sections=sections_of(page, wanted, base),
        more=_continued(base, wanted, "before", found.older),
        newer=_continued(base, wanted, "after", found.newer),
        searched_to=_searched_to(page, wanted) if found.older else "",
        nothing=_nothing(checkpoint, wanted),
        is_filtered=bool(wanted),
        rail=rail_of(checkpoint, now, at),
        years=years_of(checkpoint, base, parameters),
        clear=f"{base}/gallery",
        command=_restore(str(layout), wanted),
        where=wanted.where(),
        restore=next(iter(offered(["restore"], allowed, layout)), None),
        base=base,
    )


@dataclass(frozen=True, slots=True)
class Found:
    """A page of pictures, and where the pages after and before it begin; None at the ends."""

    page: PicturePage
    older: Position | None = None
    newer: Position | None = None


def _matched(found: Found, outputs: str) -> str:
    """How many match, as far as this page knows."""
    total = sum(section.total for section in found.page.sections)
    return f"{number(total)}{'+' if found.older or found.newer else ''} of {outputs} outputs"


def _searched_to(page: PicturePage, wanted: Filter) -> str:
    return f"Searched back to {page.searched_to:%-d %B %Y}." if wanted and page.searched_to else ""


def _nothing(checkpoint: Checkpoint, wanted: Filter) -> str:
    """What was looked through in vain."""
    days = sum(1 for day in checkpoint.partitions if wanted.admits(day))
    what = f"No prompt has {' and '.join(wanted.words)}" if wanted.words else "No picture matches"
    others = " with these filters" if wanted != Filter(words=wanted.words) else ""
    return f"{what}{others}. All {number(days)} days were searched."


def _continued(base: str, wanted: Filter, name: str, position: Position | None) -> str:
    """The address of the page that begins there."""
    if position is None:
        return ""
    return f"{base}/gallery?{urlencode([*wanted.parameters(), (name, position_text(position))])}"


def position_text(position: Position) -> str:
    return f"{format_instant(position.at)}/{position.output_id}"


def position_of(text: str) -> Position | None:
    """Parse what `position_text` wrote; None if it is nothing of the kind."""
    instant, _, output_id = text.partition("/")
    try:
        return Position(parse_rfc3339(instant), output_id[:200])
    except ValueError:
        return None


def _chips(wanted: Filter, base: str, models: Names) -> list[Chip]:
    names = {"q": "", "model": "Model: ", "status": "Gallery: ", "state": "State: ", "from": "From ", "to": "To "}
    flags = dict(FLAGS)
    chips = []
    for name, value in wanted.parameters():
        left = urlencode(wanted.without(name, value))
        shown = models.name(value) if name == "model" else value
        text = flags[name] if name in flags else f"{names[name]}{shown}"
        chips.append(Chip(text, f"{base}/gallery?{left}" if left else f"{base}/gallery"))
    return chips


def _menus(wanted: Filter, models: Sequence[str], names: Names) -> list[FilterMenu]:
    known = sorted(
        {*models, *wanted.models}, key=lambda each: (each not in names.known, names.name(each).casefold(), each)
    )
    statuses = dict.fromkeys((*GALLERY_STATUSES, *wanted.statuses))
    return [
        FilterMenu(
            name="model",
            title="Model",
            active=bool(wanted.models),
            choices=[Choice(value, names.name(value), value in wanted.models) for value in known],
        ),
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


def _restore(archive: str, wanted: Filter) -> str:
    where = f" --where {shell_word(wanted.where())}" if wanted.where() else ""
    return f"stablecog-archive restore --from {archive} --to-folder restored{where}"


def shell_word(text: str) -> str:
    """The text as one word for a shell: in double quotes, which keep the quotes of SQL readable, if that is safe."""
    if "!" in text:
        # In double quotes, an interactive bash replaces it by an earlier command.
        return shlex.quote(text)
    return '"' + re.sub(r'([\\"$`])', r"\\\1", text) + '"'
