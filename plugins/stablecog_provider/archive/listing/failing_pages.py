"""Pages that fail again and again, though the source serves others: the walk gets as near as it can, and goes on behind them.

One record that the source's server cannot write is enough for that. The page is requested smaller and smaller, so that all before
the record is read; then later cursors are tried until a page is served again. What lies between is a hole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ...errors import SourceUnavailable
from ...model.page import Page, PageQuery
from ...model.times import MICROSECOND
from ..ports import Source
from .pages import page_after, reach_up

LEAST = 2
"""Outputs of the smallest page. The first of them is mostly known, since pages overlap by one."""
SMALLER = 8
NEAREST = timedelta(seconds=1)
FARTHER = 16
MOST_HALVINGS = 32


@dataclass(slots=True)
class Pages:
    """The ascending pages of one walk. `full`: outputs of a page as long as none fails."""

    source: Source
    full: int
    _size: int = field(init=False)
    _shown: int = 0

    def __post_init__(self) -> None:
        self._size = self.full

    async def after(self, cursor: datetime) -> Page | None:
        """Return the page after the cursor, a smaller one if need be; None if the source serves none there, but others. Raises
        what the source raises if it serves no other, and SourceContradiction.
        """
        while True:
            try:
                page = await page_after(self.source, cursor, self._size)
            except SourceUnavailable:
                await raise_if_down(self.source)
                if self._size <= LEAST:
                    return await self._single(cursor)
                self._size, self._shown = max(LEAST, self._size // SMALLER), 0
                continue
            self._shown += len(page.outputs)
            if self._shown >= self.full:
                self._size, self._shown = self.full, 0
            return page

    async def _single(self, cursor: datetime) -> Page | None:
        """Return a page of one output, unless it is the one at the cursor."""
        try:
            page = await page_after(self.source, cursor, 1)
        except SourceUnavailable:
            return None
        return page if reach_up(page)[0] - MICROSECOND > cursor else None

    async def beyond(self, cursor: datetime, end: datetime) -> tuple[datetime, Page]:
        """Return the first cursor that was found from which a page is served again, and that page. Raises SourceUnavailable if
        there is none up to `end`.
        """
        failing, step = cursor, NEAREST
        while True:
            served = min(cursor + step, end)
            try:
                page = await page_after(self.source, served, LEAST)
                break
            except SourceUnavailable:
                if served >= end:
                    raise
            failing, step = served, step * FARTHER
        for _ in range(MOST_HALVINGS):
            if served - failing <= NEAREST:
                break
            middle = failing + (served - failing) / 2
            try:
                page = await page_after(self.source, middle, LEAST)
                served = middle
            except SourceUnavailable:
                failing = middle
        self._size, self._shown = self.full, 0
        return served, page


async def raise_if_down(source: Source) -> Page:
    """Return the page with the newest output. Raises SourceUnavailable if not even that is served: then the source is down."""
    return await source.page(PageQuery(per_page=1))
