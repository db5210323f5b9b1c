"""Instants: RFC 3339 in, UTC microseconds throughout, RFC 3339 out.

The source writes 0 to 9 fraction digits, so instants are compared as values and never as text. Fractions below a microsecond
are cut off, never rounded: a cursor made of a cut instant can only ask for more, not for less.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

MICROSECOND = timedelta(microseconds=1)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any output: the source opened in 2022. Instants before it, or from `FAR_FUTURE` on, are taken for garbage."""
FAR_FUTURE = datetime(2200, 1, 1, tzinfo=UTC)

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)


def parse_instant(text: str) -> datetime:
    """The instant that an RFC 3339 text names, in UTC, cut to microseconds. Raises ValueError."""
    found = _RFC3339.fullmatch(text)
    if not found:
        raise ValueError("not an RFC 3339 timestamp")
    year, month, day, hour, minute, second = (int(found[n]) for n in range(1, 7))
    micros = int(((found[7] or "") + "000000")[:6])
    zone: timezone = UTC
    if found[8]:
        offset = timedelta(hours=int(found[9]), minutes=int(found[10]))
        zone = timezone(-offset if found[8] == "-" else offset)
    try:
        instant = datetime(year, month, day, hour, minute, second, micros, tzinfo=zone).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from None
    if not BEGINNING <= instant < FAR_FUTURE:
        raise ValueError(f"out of range: {BEGINNING.year} to {FAR_FUTURE.year}")
    return instant


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with six fraction digits, `2026-11-21T08:00:00.000000Z`: sorts as it compares."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
