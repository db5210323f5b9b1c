"""What a run may ask the source beyond reading what is new."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, field

from ...errors import SourceUnavailable
from ...model.page import MAX_PER_PAGE, Page, PageQuery
from ..ports import Source
from .opaque_walk import PAGE_SIZE

EXTRA_REQUESTS = 48
"""Requests for locating differences and reading them again. What does not fit is left to the next run."""
FIXED_REQUESTS = 129
"""The constant in a run's limit: the probe, the list of models (one), the account check, the proof, `EXTRA_REQUESTS`, and what a
dense second takes.
"""
PER_PAGE_OF_NEW = 5
"""Requests per 300 new outputs: pages overlap, the more the denser the account is."""
PER_FAILURE = 5
"""Requests for each page that failed: to see that the source is not down, and to find where a page is served again."""


@dataclass(slots=True)
class MeasuredSource:
    """A Source that notes the smallest page it got although more outputs follow: a source may serve fewer than were asked for.

    `smallest`: outputs on that page; None if every page was as large as asked for. `failed`: pages that were not served.
    """

    source: Source
    smallest: int | None = None
    failed: int = 0
    address: str = field(init=False)

    def __post_init__(self) -> None:
        self.address = self.source.address

    @property
    def requests(self) -> int:
        return self.source.requests

    async def page(self, query: PageQuery) -> Page:
        try:
            page = await self.source.page(query)
        except SourceUnavailable:
            self.failed += 1
            raise
        served = len(page.outputs)
        if page.next is not None and 0 < served < min(query.per_page or PAGE_SIZE, self.smallest or MAX_PER_PAGE):
            self.smallest = served
        return page

    def served(self, per_page: int) -> int:
        """Return the outputs on a page that was asked for with `per_page`."""
        return min(per_page, self.smallest or per_page)


@dataclass(slots=True)
class RequestBudget:
    """`created`: ids of the outputs that the run was the first to see; what reading them costs is not counted."""

    source: Source
    created: Sized
    extra: int = EXTRA_REQUESTS
    _began: int = field(init=False)
    _had: int = field(init=False)

    def __post_init__(self) -> None:
        self._began, self._had = self.source.requests, len(self.created)

    @property
    def left(self) -> int:
        """Requests that may still be spent."""
        found = len(self.created) - self._had
        allowed = self.extra + PER_PAGE_OF_NEW * found // MAX_PER_PAGE
        return max(0, allowed - (self.source.requests - self._began))

    def allow(self, requests: int) -> None:
        """Do not count requests that were made since."""
        self.extra += requests

    @property
    def ample(self) -> bool:
        """Whether more than half of it is left: finding a place is worth nothing if it cannot be read any more."""
        return self.left * 2 > self.extra


def request_limit(new: int, windows: int, reread: int, page_size: int = MAX_PER_PAGE, failed: int = 0) -> int:
    """The most requests that a run with `new` outputs makes, retries not counted. `windows`: stretches that were read, each
    of which takes a request; `reread`: known outputs that lie in them. `page_size`: outputs on a page, as it was served.
    `failed`: pages that were not served.
    """
    pages = -(-(new + reread) // page_size)
    return PER_PAGE_OF_NEW * pages + windows + PER_FAILURE * failed + FIXED_REQUESTS
