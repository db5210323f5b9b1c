"""Turns what is typed into values, and holds the options that commands share."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

import typer

from ..archive.run_settings import ArchiveSettings
from ..model.object_keys import Layout
from ..model.times import parse_instant, parse_span

_MIN_DELETIONS, _MAX_DELETIONS = ArchiveSettings.BOUNDS["allow_deletions"]


def layout_of(text: str) -> Layout:
    """Parse `s3://bucket/prefix`."""
    try:
        return Layout.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def instant_of(text: str) -> datetime:
    """Parse a UTC day, `2026-11-21`, or an RFC 3339 instant."""
    try:
        if len(text) == len("2026-11-21"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        return parse_instant(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a day (2026-11-21) nor an instant (2026-11-21T08:00:00Z)"
        ) from None


def span_of(text: str) -> timedelta:
    """Parse a duration: `36h`, `1d`, `90m`, or `0`."""
    try:
        return parse_span(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a duration: write 36h, 1d, 2w, or 0") from None


def span_text(span: timedelta) -> str:
    """Write whole hours or days as `span_of` reads them."""
    hours = span // timedelta(hours=1)
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"


To = Annotated[
    Layout,
    typer.Option("--to", parser=layout_of, metavar="S3_ADDRESS", help="Address of the archive: s3://bucket/prefix."),
]
Source = Annotated[
    str | None, typer.Option("--source", metavar="URL", help="Address of the API; Stablecog's own by default.")
]
EndpointUrl = Annotated[
    str | None,
    typer.Option(
        "--endpoint-url",
        metavar="URL",
        help="Address of an S3-compatible store. Default: AWS_ENDPOINT_URL_S3 if set, else AWS.",
    ),
]
ImageHost = Annotated[
    list[str] | None,
    typer.Option(
        "--image-host",
        metavar="HOST[:PORT]",
        help="Additional host for images; plain http and private addresses are allowed for it. Repeatable.",
    ),
]
SOURCE_HEADER = "--source-header"
SourceHeader = Annotated[
    list[str] | None,
    typer.Option(
        SOURCE_HEADER,
        metavar="HEADER",
        help="Header for a gateway in front of the API, 'Name: value'. Sent to the API alone, and shown nowhere. Repeatable. "
        "Others can see options in the process list: STABLECOG_SOURCE_HEADERS holds secret ones, one per line.",
    ),
]
AllowAccountMismatch = Annotated[
    bool,
    typer.Option(
        "--allow-account-mismatch", help="Continue even if the source does not look like the archived account."
    ),
]
AllowDeletions = Annotated[
    int,
    typer.Option(
        "--allow-deletions",
        metavar="N",
        min=_MIN_DELETIONS,
        max=_MAX_DELETIONS,
        help="Allow N outputs to be marked as deleted at the source, even if that is more than half of the archive.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document, errors included.")]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", help="Print no progress, and no report if the exit code is 0. Errors are always printed."),
]
Debug = Annotated[bool, typer.Option("--debug", help="On an error, print a traceback with secrets removed.")]
