"""What a deployment of the service can and how it writes: the *documented* and the *current* dialect, and all between."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Ascending(StrEnum):
    """What `order=asc` does."""

    HONOURED = "honoured"
    """Rows rise, and a cursor filters above itself."""
    RISES = "rises"
    """Rows rise, but a cursor still filters below itself: the server of 2023."""
    IGNORED = "ignored"


class CursorKey(StrEnum):
    """What `next` and `cursor` are."""

    COMPLETED = "completed"
    """`output.created_at`, written as `o`."""
    REQUESTED = "requested"
    """`generation.created_at`, written as `g`."""
    OPAQUE = "opaque"
    """An integer: how many rows to pass over."""


class Fields(StrEnum):
    """Which fields the documents have, and how the count is called: `total_count` or `total`."""

    DOCUMENTED = "documented"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Dialect:
    """Every trait can be had on its own: `dataclasses.replace(CURRENT, counts_by_date=False)`."""

    fields: Fields = Fields.CURRENT
    output_times: bool = True
    """`created_at` and `updated_at` stand on the outputs."""
    ascending: Ascending = Ascending.HONOURED
    cursor: CursorKey = CursorKey.COMPLETED
    counts_by_date: bool = True
    """`start_dt` and `end_dt` bound the count."""
    per_page: bool = True
    """The page size can be chosen; else it is always the default."""


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
