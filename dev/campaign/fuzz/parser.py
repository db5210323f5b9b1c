"""`python -m dev.campaign.fuzz.parser -runs=100000`: fuzz the parser with atheris until an exception is not an ArchiveError.

Only the campaign's lock has atheris. Without it, as in `make test`, the fuzz section reports that and continues.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime

import atheris

with atheris.instrument_imports(include=["stablecog_provider"]):
    from stablecog_provider.adapters.http_dates import http_date, retry_after_seconds
    from stablecog_provider.errors import ArchiveError
    from stablecog_provider.model.checkpoint import Checkpoint
    from stablecog_provider.model.output import parse_output, without_secrets
    from stablecog_provider.model.page import parse_page

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def try_once(body: bytes) -> None:
    text = body.decode("latin-1")
    http_date(text)
    retry_after_seconds(text, NOW)
    without_secrets(text)
    with suppress(ArchiveError):
        Checkpoint.from_json(body)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return
    parse_output(document)
    for each in (document, {"outputs": [document], "next": document, "total": document}):
        try:
            parse_page(each, NOW)
        except ArchiveError:
            continue


if __name__ == "__main__":
    atheris.Setup(sys.argv, try_once)
    atheris.Fuzz()
