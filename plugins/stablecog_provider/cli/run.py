"""`stablecog-archive run`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import typer

from ..archive.copying.concurrency import DEFAULT_CONCURRENCY
from ..archive.run import ArchiveSettings, archive
from ..model.page import MAX_PER_PAGE
from .context import CliContext
from .options import AllowAccountMismatch, Debug, EndpointUrl, Json, To, instant_of, span_of
from .rendering import show_report
from .reporting import execute, print_report
from .settings import source_settings, store_settings


def run(
    context: typer.Context,
    to: To,
    source: Annotated[
        str | None, typer.Option(metavar="URL", help="The API's address (else Stablecog's own).", show_default=False)
    ] = None,
    endpoint_url: EndpointUrl = None,
    image_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST[:PORT]",
            help="A further host that images may come from, also over plain http or at a private address; repeatable.",
        ),
    ] = None,
    lookback: Annotated[
        timedelta,
        typer.Option(parser=span_of, metavar="SPAN", help="How much is read again for late changes; 0 is off."),
    ] = "1d",  # type: ignore[assignment]  # Typer parses defaults, too
    start: Annotated[
        datetime | None,
        typer.Option(parser=instant_of, metavar="INSTANT", help="Archive from here on (a day or RFC 3339)."),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option(parser=instant_of, metavar="INSTANT", help="Archive up to here, exclusive (a day or RFC 3339)."),
    ] = None,
    concurrency: Annotated[
        int,
        typer.Option(min=1, max=512, help="At most so many images are copied at the same time; fewer where that pays."),
    ] = DEFAULT_CONCURRENCY,
    per_page: Annotated[int, typer.Option(min=1, max=MAX_PER_PAGE, help="Outputs asked for at once.")] = MAX_PER_PAGE,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try all failed images again now, whenever they are due.")
    ] = False,
    allow_unsafe_store: Annotated[
        bool, typer.Option("--allow-unsafe-store", help="Go on where the store ignores conditional writes.")
    ] = False,
    allow_account_mismatch: AllowAccountMismatch = False,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Archive what the source has and the bucket lacks, and prove it. Safe to interrupt, and to run again at any time."""
    cli: CliContext = context.obj
    if start and end and not start < end:
        raise typer.BadParameter("--start must be before --end")
    asked = ArchiveSettings(
        layout=to,
        start=start,
        end=end,
        lookback=lookback,
        per_page=per_page,
        concurrency=concurrency,
        retry_failed=retry_failed,
        allow_unsafe_store=allow_unsafe_store,
        allow_account_mismatch=allow_account_mismatch,
    )
    from_source = source_settings(cli.environ, source, image_host)
    into_store = store_settings(cli.environ, endpoint_url)
    report = execute(
        cli,
        lambda: cli.open_ports(from_source, into_store, to),
        lambda ports, on_progress: archive(ports, asked, on_progress),
        as_json=as_json,
    )
    return print_report(cli, report, show_report, as_json=as_json)
