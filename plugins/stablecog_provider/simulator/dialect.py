"""Dialects: capabilities and format of a deployment of the service. `DOCUMENTED`, `CURRENT`, and any mixture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Ascending(StrEnum):
    """Effect of `order=asc`."""

    HONOURED = "honoured"
    """Rows ascend, and a cursor selects rows above it."""
    RISES = "rises"
    """Rows ascend, but a cursor still selects rows below it, as the server of 2023 did."""
    IGNORED = "ignored"


class CursorKey(StrEnum):
    """Kind of `next` and `cursor`."""

    COMPLETED = "completed"
    """`output.created_at`, called `o` here."""
    REQUESTED = "requested"
    """`generation.created_at`, called `g` here."""
    OPAQUE = "opaque"
    """An integer: the number of rows to skip."""


class Fields(StrEnum):
    """Fields of the documents, and the name of the count: `total_count` or `total`."""

    DOCUMENTED = "documented"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Dialect:
    """Each trait can be changed on its own: `dataclasses.replace(CURRENT, counts_by_date=False)`."""

    fields: Fields = Fields.CURRENT
    output_times: bool = True
    """Outputs have `created_at` and `updated_at`."""
    ascending: Ascending = Ascending.HONOURED
    cursor: CursorKey = CursorKey.COMPLETED
    counts_by_date: bool = True
    """`start_dt` and `end_dt` bound the count."""
    per_page: bool = True
    """Clients can choose the page size. Otherwise it is always the default."""


CURRENT = Dialect()
"""The service's own open-source server, as read in 2025-11."""
DOCUMENTED = Dialect(
    fields=Fields.DOCUMENTED,
    output_times=False,
    ascending=Ascending.RISES,
    cursor=CursorKey.REQUESTED,
    counts_by_date=False,
)
"""The published page and its example of 2023."""
PRESETS = {"current": CURRENT, "documented": DOCUMENTED}
