"""Parses arguments that a user or a template writes as text."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from ..errors import ConfigurationError
from ..model.object_keys import Layout
from ..model.times import parse_instant

_EMPTY = {"", "none"}


def layout_of(bucket: str, prefix: str) -> Layout:
    """Return bucket and prefix as one value. Raises ConfigurationError."""
    try:
        return Layout(bucket, prefix.strip("/"))
    except ValueError as error:
        raise ConfigurationError(str(error), hint="correct `bucket` and `prefix` of the task") from None


def instant_of(name: str, value: datetime | str | None) -> datetime | None:
    """Return the instant that the argument `name` holds. A template without a value renders to "None", which is None.

    Raises ConfigurationError.
    """
    if isinstance(value, datetime):
        value = value.isoformat()
    if value is None or value.strip().lower() in _EMPTY:
        return None
    text = value.strip()
    try:
        if len(text) == len("2026-11-21"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        return parse_instant(text)
    except ValueError:
        raise ConfigurationError(
            f"`{name}` is neither an instant with a time zone nor a UTC day: {text[:60]!r}",
            hint="write 2026-11-21 or 2026-11-21T08:00:00Z",
        ) from None
