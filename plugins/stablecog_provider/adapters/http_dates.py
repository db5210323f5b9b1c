"""The `Date` and `Retry-After` headers of HTTP responses."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Return `Retry-After` in seconds, or None if it is missing or garbled. A date counts from `now`, the server's own time."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    instant = http_date(text)
    return max(0.0, (instant - now).total_seconds()) if instant else None


def http_date(header: str | None) -> datetime | None:
    """Return the instant of an HTTP date in UTC, or None if it is missing or garbled."""
    try:
        instant = parsedate_to_datetime(header or "")
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
