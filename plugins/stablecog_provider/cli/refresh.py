"""`stablecog-archive refresh`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from ..archive.refresh import RefreshSettings
from ..archive.refresh import refresh as refresh_archive
from ..errors import ConfigurationError
from .context import CliContext
from .options import Debug, EndpointUrl, ImageHost, Json, Quiet, Source, SourceHeader, To, span_of

_MIN_CONCURRENCY, _MAX_CONCURRENCY = RefreshSettings.BOUNDS["concurrency"]


def refresh(
    context: typer.Context,
    to: To,
    source: Source = None,
    endpoint_url: EndpointUrl = None,
    image_host: ImageHost = None,
    source_header: SourceHeader = None,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            metavar="AMOUNT",
            help="Spend about so much, least recently read first: requests to the source (500requests) or a time (10m).",
        ),
    ] = RefreshSettings.budget,
    within: Annotated[
        timedelta | None,
        typer.Option(
            "--within",
            parser=span_of,
            metavar="DURATION",
            help="Read as much as keeps the promise that everything was read within this time, if refreshes go on at their "
            "interval: 30d.",
        ),
    ] = RefreshSettings.within,
    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency",
            min=_MIN_CONCURRENCY,
            max=_MAX_CONCURRENCY,
            help="Upper limit on parallel copies of images that are found missing.",
        ),
    ] = RefreshSettings.concurrency,
    allow_unsafe_store: Annotated[
        bool, typer.Option("--allow-unsafe-store", help="Continue even if the store ignores conditional writes.")
    ] = RefreshSettings.allow_unsafe_store,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Read the history again: changed metadata, late upscales, and losses that no count shows. Moves no watermark.

    Needs the API key (STABLECOG_API_KEY). Exit codes: 0 proven; 3 something is left; 2 wrong settings; 1 any other error.
    """
    from .rendering import show_refresh
    from .reporting import execute, print_report
    from .settings import source_settings, store_settings

    cli: CliContext = context.obj
    try:
        settings = RefreshSettings(
            layout=to,
            budget=budget,
            within=within,
            concurrency=concurrency,
            allow_unsafe_store=allow_unsafe_store,
        )
    except ConfigurationError as error:
        raise typer.BadParameter(f"--{error.message}; {error.hint}") from None
    source_access = source_settings(cli.environ, source, image_host, source_header)
    store_access = store_settings(cli.environ, endpoint_url)
    report = execute(
        cli,
        lambda: cli.open_ports(source_access, store_access, to),
        lambda ports, on_progress: refresh_archive(ports, settings, on_progress),
        quiet=quiet or as_json,
    )
    return print_report(cli, report, show_refresh, as_json=as_json, quiet=quiet)
