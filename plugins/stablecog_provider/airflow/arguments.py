"""Parses arguments that a user or a template writes as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ..errors import ConfigurationError
from ..model.object_keys import Layout
from ..model.times import parse_instant, parse_span

_EMPTY = {"", "none"}
_NOT_SET = "-is-not-set"
"""How the bucket of our Dags ends if its variable is not set: no bucket of S3 has the capitals before it."""
_YES, _NO = {"true", "1", "yes"}, {"false", "0", "no", *_EMPTY}


def values_of(task: object, readers: Mapping[str, Callable[[str, Any], Any]], *, rendered: bool) -> dict[str, Any]:
    """Return the task's arguments as values, by name; those without one have their default. Raises ConfigurationError.

    If not `rendered`, while the Dag is parsed, templates and what other tasks return have no value yet.
    """
    given = {name: getattr(task, name) for name in readers}
    known = {name: value for name, value in given.items() if rendered or not _is_rendered_later(value)}
    read = {name: readers[name](name, value) for name, value in known.items()}
    return {name: value for name, value in read.items() if value is not None}


def _is_rendered_later(value: object) -> bool:
    return ("{{" in value or "{%" in value) if isinstance(value, str) else hasattr(value, "resolve")


def layout_of(bucket: str, prefix: str) -> Layout:
    """Return bucket and prefix as one value. Raises ConfigurationError."""
    if bucket.endswith(_NOT_SET):
        variable = bucket.removesuffix(_NOT_SET)
        raise ConfigurationError(
            f"the environment variable {variable} is not set, so the Dag has no bucket to write to",
            hint=f"set {variable} where the Dag is parsed (the Dag processor), or trigger the Dag with the param `bucket`",
        )
    try:
        return Layout(bucket, prefix.strip("/"))
    except ValueError as error:
        raise ConfigurationError(str(error), hint="correct `bucket` and `prefix` of the task") from None


def address_of(name: str, value: str) -> Layout:
    """Return the place that the argument `name` holds: `s3://bucket/prefix`. Raises ConfigurationError."""
    try:
        return Layout.parse(value.strip())
    except ValueError as error:
        raise ConfigurationError(f"`{name}`: {error}", hint="write the address as s3://bucket/prefix") from None


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


def day_of_key(key: str) -> date:
    """Return the day that a partition key is. Raises ConfigurationError."""
    try:
        return date.fromisoformat(key)
    except ValueError:
        raise ConfigurationError(
            f"the partition key is not a day: {key[:60]!r}", hint="write the UTC day as 2026-11-21"
        ) from None


def text_of(name: str, value: str | None) -> str | None:
    """Return the text that an argument holds. A template without a value is None."""
    return None if str(value).strip().lower() in _EMPTY else str(value)


def flag_of(name: str, value: bool | str) -> bool:
    """Return the yes or no that the argument `name` holds, as Python, JSON or a template writes it. Raises ConfigurationError."""
    text = str(value).strip().lower()
    if text in _YES | _NO:
        return text in _YES
    raise ConfigurationError(f"`{name}` is neither true nor false: {str(value)[:60]!r}", hint="write true or false")


def span_of(name: str, value: timedelta | str | None) -> timedelta | None:
    """Return the duration that the argument `name` holds. A template without a value is None. Raises ConfigurationError."""
    if value is None or isinstance(value, timedelta):
        return value
    text = value.strip().lower()
    if text in _EMPTY:
        return None
    try:
        return parse_span(text)
    except ValueError:
        raise ConfigurationError(
            f"`{name}` is not a duration: {value[:60]!r}", hint="write 36h, 1d, 2w, or 0"
        ) from None


def number_of(name: str, value: int | str | None) -> int | None:
    """As `count_of`, but a template without a value is None."""
    return None if str(value).strip().lower() in _EMPTY else count_of(name, value or 0)


def count_of(name: str, value: int | str) -> int:
    """Return the count that the argument `name` holds. A template without a value is 0. Raises ConfigurationError."""
    text = str(value).strip().lower()
    if text in _EMPTY:
        return 0
    if text.isascii() and text.isdigit() and len(text) <= 19:
        return int(text)
    raise ConfigurationError(f"`{name}` is not a count: {str(value)[:60]!r}", hint="write a whole number, 0 or more")
