"""One response of the listing, and the question it answers.

`total_count` (documented) and `total` (current) are the same; either stands only on a page asked for without a cursor.
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
"""Outputs in one page. Some sources may ignore `per_page`; none that is well sends millions, and each becomes a row in memory."""
MAX_TOKEN = 2048
"""Characters of a `next` that we send back; beyond, addresses break on their way."""


class Order(StrEnum):
    DESCENDING = "desc"
    ASCENDING = "asc"


@dataclass(frozen=True, slots=True)
class PageQuery:
    """What to ask: None leaves a parameter out. `start` and `end` bound the count (both inclusive), never the listing."""

    cursor: datetime | str | None = None
    order: Order | None = None
    per_page: int | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """`source_time` is the source's own clock (its `Date` header), so that our clock's error does not matter."""

    outputs: tuple[Output | UnreadableOutput, ...]
    source_time: datetime
    next: str | None = None
    total: int | None = None

    @property
    def readable(self) -> tuple[Output, ...]:
        return tuple(output for output in self.outputs if isinstance(output, Output))


def parse_page(document: object, source_time: datetime) -> Page:
    """Read a response body. Raises SourceContradiction where it is not a page at all; bad outputs are values, not errors."""
    # An absent list is no empty page: an error document answered with 200 must not look like an emptied account. The
    # server's null is one.
    if not isinstance(document, Mapping) or not isinstance(document.get("outputs", ...), list | None):
        raise SourceContradiction("the source answered a listing with a document that is no page (no list `outputs`)")
    if len(document["outputs"] or ()) > MAX_OUTPUTS:
        raise SourceContradiction(f"the source put {len(document['outputs'])} outputs into one page")
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
    # What cannot stand in an address cannot be asked with.
    if isinstance(value, str) and len(value) <= MAX_TOKEN and value.isprintable():
        return value
    raise SourceContradiction("the source's `next` is neither a token nor a number")
