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


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the source can, asked once a run; decides the walk and stands in the run report."""

    ascending: bool
    """`order=asc` with a cursor rises and holds only outputs completed after the cursor."""
    output_times: bool
    """`created_at` stands on the outputs, so coverage can be claimed on the completed axis."""
    cursor_is_instant: bool
    """`next` is a timestamp, so that a walk may begin anywhere."""
    counts_by_date: bool
    """`start_dt` and `end_dt` bound the count, so that any window can be proven."""
    total: int | None = None
    """The grand total when asked."""
    notes: tuple[str, ...] = ()


def parse_page(document: object, source_time: datetime) -> Page:
    """Read a response body. Raises SourceContradiction where it is not a page at all; bad outputs are values, not errors."""
    if not isinstance(document, Mapping) or not isinstance(document.get("outputs"), list | type(None)):
        raise SourceContradiction("the source answered a listing with a document that is no page (no list `outputs`)")
    token = document.get("next")
    if isinstance(token, int) and not isinstance(token, bool):
        token = str(token)
    if token is not None and not isinstance(token, str):
        raise SourceContradiction("the source's `next` is neither text nor number")
    total = document.get("total_count", document.get("total"))
    return Page(
        outputs=tuple(parse_output(item) for item in document.get("outputs") or ()),
        source_time=source_time,
        next=token or None,
        total=total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None,
    )
