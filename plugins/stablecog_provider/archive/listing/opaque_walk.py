"""The walk that the documentation teaches: follow `next`, if it is an opaque token and not a timestamp."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from ...model.checkpoint import Checkpoint
from ...model.coverage import Coverage, Window
from ...model.output import identity
from ...model.page import Page, PageQuery
from ...model.times import FAR_FUTURE
from ..ports import Source
from .pages import Step, contradiction

READ_AGAIN_AFTER = timedelta(days=7)
"""All is read again after this long. No token leads to an old place, so a second reading cannot go on where another one ended."""
REPEATS = 3
"""How often the walk is made at most while the account changes under it."""
PAGE_SIZE = 50
"""Outputs on a page that is asked for without a size, as this walk does."""
_WITHOUT_PROGRESS = 10_000
"""Outputs: new tokens that lead to the same ones over and over would otherwise be followed for ever."""


async def documented(source: Source, window: Window) -> AsyncIterator[Step]:
    """Follow `next` down to the window's start. A page may be cut by offset, so an output that is deleted in mid-walk pushes
    another one off every page: the walk is repeated until the account stood still, and claims nothing if it never does.
    """
    for _ in range(REPEATS):
        first = page = await source.page(PageQuery())
        asked: set[str] = set()
        lowest, without_progress = FAR_FUTURE, 0
        while page.next is not None and not any(output.created_at < window.start for output in page.readable):
            if page.next in asked or not page.outputs:
                raise contradiction(f"`next` leads to nothing new after {len(asked) + 1} pages")
            asked.add(page.next)
            reached = min((output.created_at for output in page.outputs if output.created_at), default=lowest)
            without_progress = 0 if reached < lowest else without_progress + len(page.outputs)
            if without_progress > _WITHOUT_PROGRESS:
                raise contradiction(
                    f"`next` has led to {without_progress} outputs, and none of them is older than before"
                )
            lowest = min(lowest, reached)
            yield Step(page.outputs, lines=len(page.outputs))
            page = await source.page(PageQuery(cursor=page.next))
        yield Step(page.outputs, lines=len(page.outputs))
        if page is first or _stood_still(first, await source.page(PageQuery())):
            yield Step((), Coverage((window,)), as_of=first.source_time)
            return


def is_due(known: Checkpoint, now: datetime) -> bool:
    """Whether all of the account is to be read again: it never was, or not for long."""
    since = known.sweep.oldest
    return known.proofs > 0 and (since is None or not since <= now < since + READ_AGAIN_AFTER)


def _stood_still(before: Page, now: Page) -> bool:
    return before.total == now.total and list(map(identity, before.outputs)) == list(map(identity, now.outputs))
