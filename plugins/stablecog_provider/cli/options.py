"""What is typed after a command, turned into values; the options that commands share."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

import typer

from ..model.object_keys import Layout
from ..model.times import parse_instant

_SPAN = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([smhdw]?)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def layout_of(text: str) -> Layout:
    """`s3://bucket/prefix`."""
    try:
        return Layout.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def instant_of(text: str) -> datetime:
    """A UTC day, `2026-11-21`, or an RFC 3339 instant."""
    try:
        if len(text) == len("2026-11-21"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        return parse_instant(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a day (2026-11-21) nor an instant (2026-11-21T08:00:00Z)"
        ) from None


def span_of(text: str) -> timedelta:
    """`36h`, `1d`, `90m`; `0` is none."""
    found = _SPAN.fullmatch(text)
    if not found or (not found[2] and float(found[1])):
        raise typer.BadParameter(f"{text!r} is no length of time: write 36h, 1d, 2w, or 0")
    return timedelta(**{_UNITS[found[2] or "s"]: float(found[1])})


To = Annotated[
    Layout,
    typer.Option("--to", parser=layout_of, metavar="S3_ADDRESS", help="Where the archive lies: s3://bucket/prefix."),
]
EndpointUrl = Annotated[
    str | None,
    typer.Option(
        "--endpoint-url", metavar="URL", help="An S3-compatible store other than AWS (else AWS_ENDPOINT_URL_S3)."
    ),
]
AllowAccountMismatch = Annotated[
    bool,
    typer.Option("--allow-account-mismatch", help="Go on where the source lists nothing of what the archive holds."),
]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document, for machines.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback where something fails (secrets are taken out).")]
