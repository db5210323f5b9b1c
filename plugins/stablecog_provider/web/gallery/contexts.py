"""What the gallery's templates render."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..contexts import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A picture in the grid. `width`, `height`: its shape. `thumbnail`: empty if it is absent; then `absent` is its state."""

    output_id: str
    link: str
    alt: str
    width: int
    height: int
    thumbnail: str = ""
    small: str = ""
    favourite: bool = False
    deleted: bool = False
    absent: str = ""
    absent_title: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySection:
    """`day`: 2026-11-25. `title`: Wednesday, 25 November 2026. `total`: how many match on that day."""

    day: str
    title: str
    count: str
    total: int
    tiles: Sequence[Tile] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    text: str
    without: str


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterMenu:
    """`kind`: of the boxes, a list of choices of one parameter, or dates."""

    name: str
    title: str
    active: bool
    choices: Sequence[Choice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rail:
    """The scroll bar of time. `first`, `last`, `at`: days. `shown`: `at` in words. `weeks`: the ink of each week in hundredths,
    oldest first.
    """

    first: str
    last: str
    at: str
    shown: str
    days: int
    weeks: Sequence[float]
    gaps: Sequence[tuple[float, float]]
    years: Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Month:
    """`ink`: 0 to 20. `link`: empty if the month has no picture."""

    name: str
    year: str
    outputs: str
    ink: float
    link: str


@dataclass(frozen=True, slots=True)
class Year:
    year: str
    outputs: str
    months: Sequence[Month]


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryPage:
    """`more`, `newer`: the addresses of the pages after and before this one, empty at the ends. `searched_to`: a sentence, if the
    search is not through. `is_filtered`: whether anything is left out. `where`: the filter as a condition of a restore.
    `restore`: the action, if the reader may trigger it.
    """

    count: str
    words: str
    chips: Sequence[Chip]
    menus: Sequence[FilterMenu]
    flags: Sequence[Choice]
    since: str
    until: str
    sections: Sequence[DaySection]
    more: str
    newer: str
    searched_to: str
    nothing: str
    is_filtered: bool
    rail: Rail | None
    years: Sequence[Year]
    clear: str
    command: str
    where: str
    restore: Action | None
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLine:
    title: str
    what: str
    size: str
    link: str


@dataclass(frozen=True, slots=True)
class PastEvent:
    when: str
    what: str
    detail: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturePage:
    """One picture. `image`: empty if there is none to show, with `absent_title` and `why`."""

    title: str
    output_id: str
    place: str
    back: str
    previous: str
    next: str
    image: str
    width: int
    height: int
    alt: str
    absent_title: str
    why: str
    siblings: Sequence[Tile]
    prompt: str
    negative_prompt: str
    download: str
    facts: Sequence[tuple[str, str]]
    files: Sequence[FileLine]
    past: Sequence[PastEvent]
    ids: Sequence[tuple[str, str]]
    command: str
