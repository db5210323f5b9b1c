"""Instants: RFC 3339 in and out, UTC microseconds in between.

The source writes 0 to 9 fraction digits, so instants are compared as values and never as text. Digits below a microsecond
are cut off, never rounded, so an instant is at most 1 µs too early. As a cursor of an ascending walk, it includes more, not
less; the cursor of a descending walk is 1 µs above what it must not exclude.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

MICROSECOND = timedelta(microseconds=1)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any output: the source opened in 2022. Instants before it, and from `FAR_FUTURE` on, are rejected."""
FAR_FUTURE = datetime(2200, 1, 1, tzinfo=UTC)

# `datetime.fromisoformat` accepts more than RFC 3339 (week dates, hour 24, no zone), so the format is checked first.
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)


def parse_rfc3339(text: str) -> datetime:
    """Parse an RFC 3339 text of any year to an instant in UTC, cut to microseconds. Raises ValueError."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("not an RFC 3339 timestamp")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from None


def parse_instant(text: str) -> datetime:
    """Parse an instant of the source: as `parse_rfc3339`, from `BEGINNING` until before `FAR_FUTURE`. Raises ValueError."""
    instant = parse_rfc3339(text)
    if not BEGINNING <= instant < FAR_FUTURE:
        raise ValueError(f"out of range: {BEGINNING.year} to {FAR_FUTURE.year}")
    return instant


_SPAN = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([smhdw]?)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_span(text: str) -> timedelta:
    """Parse a duration: `36h`, `1d`, `90m`, or `0`. Raises ValueError."""
    found = _SPAN.fullmatch(text)
    if not found or (not found[2] and float(found[1])):
        raise ValueError("not a duration")
    return timedelta(**{_UNITS[found[2] or "s"]: float(found[1])})


def format_instant(instant: datetime) -> str:
    """Format as RFC 3339 in UTC with six fraction digits (`2026-11-21T08:00:00.000000Z`). The texts sort like the instants."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
