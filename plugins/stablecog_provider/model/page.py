"""One page of the listing, and the query for it.

`total_count` (documented dialect) and `total` (current dialect) are the same. Only a page without a cursor has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ..errors import SourceContradiction
from .output import Output, UnreadableOutput, parse_output

MAX_PER_PAGE = 300
MAX_OUTPUTS = 10_000
"""Outputs per page. A source may ignore `per_page`, but a page of millions is an error that would fill the memory."""
MAX_TOKEN = 2048
"""Characters of `next`. Servers and proxies reject addresses with longer ones."""


class Order(StrEnum):
    DESCENDING = "desc"
    ASCENDING = "asc"


@dataclass(frozen=True, slots=True)
class PageQuery:
    """A query; None omits a parameter. `start` and `end` (both inclusive) limit the count, never the listing."""

    cursor: datetime | str | None = None
    order: Order | None = None
    per_page: int | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A parsed response. `source_time`: the source's own time (its `Date` header), so that our clock does not matter."""

    outputs: tuple[Output | UnreadableOutput, ...]
    source_time: datetime
    next: str | None = None
    total: int | None = None

    @property
    def readable(self) -> tuple[Output, ...]:
        """The outputs that can be archived."""
        return tuple(output for output in self.outputs if isinstance(output, Output))


def parse_page(document: object, source_time: datetime) -> Page:
    """Read a response body. Raises SourceContradiction if it is not a page; an unreadable output is a value, not an error."""
    # A missing list is not an empty page: an error document with status 200 must not look like an empty account. A null is:
    # the server sends it for an empty list.
    if not isinstance(document, Mapping) or not isinstance(document.get("outputs", ...), list | None):
        raise SourceContradiction(
            "the source answered with a document that is not a page of the listing: it has no list `outputs`"
        )
    if len(document["outputs"] or ()) > MAX_OUTPUTS:
        raise SourceContradiction(
            f"the source sent {len(document['outputs'])} outputs in one page, more than {MAX_OUTPUTS}"
        )
    totals = (document.get(name) for name in ("total_count", "total"))
    return Page(
        outputs=tuple(parse_output(item) for item in document["outputs"] or ()),
        source_time=source_time,
        next=_token(document.get("next")),
        total=next((total for total in totals if type(total) is int and total >= 0), None),
    )


def _token(value: object) -> str | None:
    if type(value) is int and abs(value) < 2**63:
        return str(value)
    if value is None or value == "":
        return None
    # Other characters are not allowed in an address.
    if isinstance(value, str) and len(value) <= MAX_TOKEN and value.isprintable():
        return value
    raise SourceContradiction("the source's `next` is neither a printable token nor a number")
