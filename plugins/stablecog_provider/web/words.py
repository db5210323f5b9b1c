"""Numbers, spans and instants as the page says them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ..archive.reports.wording import size as size

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def number(value: int) -> str:
    """With separators."""
    return f"{value:,}"


def day(instant: datetime) -> str:
    """`25 Nov 2026`."""
    return f"{instant.astimezone(UTC):%-d %b %Y}"


def moment(instant: datetime) -> str:
    """`25 Nov 2026, 06:00`; the page says once that times are UTC."""
    return f"{instant.astimezone(UTC):%-d %b %Y, %H:%M}"


def span(value: timedelta) -> str:
    """The two largest units: `3 h 14 min`, `26 days`."""
    if value < MINUTE:
        return f"{max(0, int(value.total_seconds()))} s"
    if value < HOUR:
        return f"{value // MINUTE} min"
    if value < 2 * DAY:
        return f"{value // HOUR} h {value % HOUR // MINUTE} min"
    return f"{value // DAY} days"


def took(started: datetime, finished: datetime) -> str:
    """`2m 41s`."""
    seconds = max(0, int((finished - started).total_seconds()))
    if not seconds:
        return "under 1 s"
    return (
        f"{seconds // 60}m {seconds % 60:02}s" if seconds < 3600 else f"{seconds // 3600}h {seconds % 3600 // 60:02}m"
    )


def sentence(line: str) -> str:
    """A line of a report without the marks of a terminal."""
    return line.replace("`", "").strip()


def without_hint(error: str) -> str:
    """The cause that a row's `error` names, without the hint, which is for a terminal."""
    return sentence(error.partition(" -> ")[0])


def share(part: int, whole: int) -> int:
    """Per cent, rounded down: 100 only if all of it is meant."""
    return part * 100 // whole if whole else 0
