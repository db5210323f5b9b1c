"""The contact sheet: `index.html` over the restored files, to be opened from disk, without scripts and without network.

Newest day first. A page has at most `PER_PAGE` images, so that any number of them stays usable: browsers load thumbnails when
they come into view, and lay out a day when it is scrolled to. Everything that comes from the account is escaped text.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date
from html import escape
from urllib.parse import quote

from ...model.manifest import Row
from ...model.names import Names as ModelNames
from ...model.object_keys import Rendition, day_of
from ..reports.restore import Problem
from ..reports.wording import counted, size
from .files import rows_of
from .names import FileNames
from .ports import Folder, NameTaken
from .selection import Archived, Choice, Selected
from .sheet_style import STYLE
from .tally import Tally
from .thumbnails import thumbnail_name

PER_PAGE = 2000
LONGEST_ALT = 120
GENERATOR = '<meta name="generator" content="stablecog-archive restore">'
_POLICY = (
    "default-src 'none'; img-src 'self' file:; base-uri 'none'; form-action 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'"
)


@dataclass(slots=True)
class _Page:
    """One page while it is made. `days`: the sections, each with its number of images."""

    number: int
    parts: list[str] = field(default_factory=list)
    days: list[tuple[date, int]] = field(default_factory=list)
    count: int = 0


@dataclass(slots=True)
class ContactSheet:
    """Writes the pages for what a restore has put into a folder."""

    archived: Archived
    folder: Folder
    names: FileNames
    tally: Tally
    sidecars: bool
    models: ModelNames

    async def write(self, selected: Selected, choice: Choice) -> str | None:
        """Write the pages, and return the name of the first; None if another file has its name."""
        pages = -(-(self.tally.restored + self.tally.skipped) // PER_PAGE) or 1
        page = _Page(1)
        newest_first = Selected(days=selected.days[::-1], sample=selected.sample)
        day: list[str] = []
        current: date | None = None
        async for row in rows_of(self.archived, newest_first, choice):
            if current is not None and day_of(row.created_at) != current:
                page, day = await self._section(page, current, day, pages), []
            current = day_of(row.created_at)
            if card := await self._card(row):
                day.append(card)
        if current is not None:
            page = await self._section(page, current, day, pages)
        return await self._write(page, max(pages, page.number), is_last=True)

    async def _section(self, page: _Page, day: date, cards: list[str], pages: int) -> _Page:
        """Add a day to the page; what does not fit begins the next one. Return the page to go on with."""
        while cards:
            fits, cards = cards[: PER_PAGE - page.count], cards[PER_PAGE - page.count :]
            page.parts.append(_section(day, fits))
            page.days.append((day, len(fits)))
            page.count += len(fits)
            if page.count >= PER_PAGE:
                await self._write(page, pages, is_last=False)
                page = _Page(page.number + 1)
        return page

    async def _card(self, row: Row) -> str | None:
        """The image's part of the page; None if its file is not there."""
        name = self.names.name(row)
        try:
            if await self.folder.size(name) != row.bytes:
                return None
            small = await self.folder.size(thumbnail_name(row))
        except NameTaken:
            return None
        return _card(row, name, has_thumbnail=small is not None, sidecar=self.sidecars, models=self.models)

    async def _write(self, page: _Page, pages: int, *, is_last: bool) -> str | None:
        if is_last and page.number > 1 and not page.count:
            return page_name(1)
        name = page_name(page.number)
        body = _document(str(self.archived.layout), page, pages).encode("utf-8", "replace")
        try:
            there = await self.folder.read(name)
            if there is not None and GENERATOR.encode() not in there[:1000]:
                raise NameTaken("another file has this name; it was not changed")
            if there != body:
                await self.folder.write(name, body, replace=True)
        except NameTaken as error:
            self.tally.note(Problem("name_taken", name, "", "", str(error)))
            return None
        return page_name(1)


def page_name(number: int) -> str:
    return "index.html" if number == 1 else f"index-{number}.html"


def _text(value: str) -> str:
    """Text from the account: escaped, and without characters that a page must not have or that turn its direction."""
    shown = (mark if mark.isprintable() or mark == "\n" else "\N{REPLACEMENT CHARACTER}" for mark in value)
    return escape("".join(shown))


def _card(row: Row, name: str, *, has_thumbnail: bool, sidecar: bool, models: ModelNames) -> str:
    target = quote(name)
    prompt = (row.prompt or "").strip()
    described = _text(prompt[:LONGEST_ALT].replace("\n", " ")) or "Image"
    image = f'<img src="{quote(thumbnail_name(row))}" alt="{described}" loading="lazy" decoding="async">'
    # The manifest's width and height are the original's.
    pixels = f"{row.width} \N{MULTIPLICATION SIGN} {row.height}" if row.width and row.height else ""
    kind = pixels if row.rendition == Rendition.ORIGINAL else "upscaled"
    facts = [f"{row.created_at.astimezone(UTC):%H:%M}", kind, size(row.bytes or 0)]
    if row.model_id:
        facts.append(_text(models.name(row.model_id)))
    mark = '<p><span class="gone">deleted at the source</span></p>' if row.deleted_at else ""
    json_link = f'<a href="{quote(f"{name}.json")}">JSON</a>' if sidecar else ""
    shown = f'<p dir="auto" class="prompt">{_text(prompt)}</p>' if prompt else _NO_PROMPT
    return (
        f'<figure id="{quote(row.output_id)}-{quote(row.rendition)}">'
        f'<a class="picture" href="{target}">{image if has_thumbnail else _NO_PREVIEW}</a>'
        f"<figcaption>{shown}{mark}<p class=facts><span>{' · '.join(filter(None, facts))}</span>{json_link}</p></figcaption>"
        "</figure>\n"
    )


_NO_PREVIEW = "<span class=nothing>No preview</span>"
_NO_PROMPT = '<p class="prompt none">No prompt</p>'


def _section(day: date, cards: Iterable[str]) -> str:
    listed = list(cards)
    heading = f"{day:%A}, {day.day} {day:%B} {day.year}"
    return (
        f'<section id="{day.isoformat()}"><h2>{heading} <small>{counted(len(listed), "image")}</small></h2>\n'
        f"<div class=grid>\n{''.join(listed)}</div></section>\n"
    )


def _document(archive: str, page: _Page, pages: int) -> str:
    links = "".join(
        f'<a href="{page_name(number)}">{number}</a>' if number != page.number else f"<b>{number}</b>"
        for number in range(1, pages + 1)
    )
    days = "".join(f'<a href="#{day.isoformat()}">{day.isoformat()} <i>{count}</i></a>' for day, count in page.days)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n{GENERATOR}\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">\n'
        f"<title>Contact sheet of {escape(archive)}</title>\n<style>{STYLE}</style></head>\n<body>\n"
        f"<header><h1>Contact sheet</h1><p>{escape(archive)}<br>{counted(page.count, 'image')} on "
        f"{counted(len(page.days), 'day')}{' on this page' if pages > 1 else ''}. Days and times are UTC.</p>"
        f"<details class=days><summary>Days</summary><nav>{days}</nav></details>"
        f"{f'<nav class=pages>Page {links}</nav>' if pages > 1 else ''}</header>\n"
        f"<main>\n{''.join(page.parts) or _EMPTY}</main>\n"
        f"{f'<footer><nav class=pages>Page {links}</nav></footer>' if pages > 1 else ''}</body></html>\n"
    )


_EMPTY = "<p class=empty>Nothing was restored.</p>"
