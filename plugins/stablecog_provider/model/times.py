"""Instants: RFC 3339 in, UTC microseconds throughout, RFC 3339 out.

The source writes 0 to 9 fraction digits, so instants are compared as values and never as text. Fractions below a microsecond
are cut off, never rounded, so a cut instant is at most 1 µs too early: an ascending walk's cursor made of it asks for more,
not for less, and a descending walk's cursor lies 1 µs above what it must not exclude.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

MICROSECOND = timedelta(microseconds=1)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any output: the source opened in 2022. Instants before it, or from `FAR_FUTURE` on, are taken for garbage."""
FAR_FUTURE = datetime(2200, 1, 1, tzinfo=UTC)

# `datetime.fromisoformat` reads more than RFC 3339 (week dates, hour 24, no zone), hence the shape is checked first.
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)


def parse_rfc3339(text: str) -> datetime:
    """The instant that an RFC 3339 text names, of any year, in UTC, cut to microseconds. Raises ValueError."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("not an RFC 3339 timestamp")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from None


def parse_instant(text: str) -> datetime:
    """As `parse_rfc3339`, for what the source sends: an instant that cannot be one of its is refused too. Raises ValueError."""
    instant = parse_rfc3339(text)
    if not BEGINNING <= instant < FAR_FUTURE:
        raise ValueError(f"out of range: {BEGINNING.year} to {FAR_FUTURE.year}")
    return instant


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with six fraction digits, `2026-11-21T08:00:00.000000Z`: sorts as it compares."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
