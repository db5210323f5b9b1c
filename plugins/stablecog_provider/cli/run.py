"""`stablecog-archive run`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import typer

from ..archive.run import ArchiveSettings, archive
from .context import CliContext
from .options import (
    AllowAccountMismatch,
    AllowDeletions,
    Debug,
    EndpointUrl,
    ImageHost,
    Json,
    Quiet,
    Source,
    SourceHeader,
    To,
    instant_of,
    span_of,
    span_text,
)

_LOOKBACK = span_text(ArchiveSettings.lookback)
_MIN_PER_PAGE, _MAX_PER_PAGE = ArchiveSettings.BOUNDS["per_page"]
_MIN_CONCURRENCY, _MAX_CONCURRENCY = ArchiveSettings.BOUNDS["concurrency"]


def run(
    context: typer.Context,
    to: To,
    source: Source = None,
    endpoint_url: EndpointUrl = None,
    image_host: ImageHost = None,
    source_header: SourceHeader = None,
    lookback: Annotated[
        timedelta,
        typer.Option(
            parser=span_of,
            metavar="DURATION",
            help="How far before the watermark the listing is read again, for late upscales and changed metadata; 0 is off.",
        ),
    ] = _LOOKBACK,  # type: ignore[assignment]  # Typer parses defaults, too
    refresh_within: Annotated[
        timedelta | None,
        typer.Option(
            parser=span_of,
            metavar="DURATION",
            help="Read so much of the history again that everything was read within this time, if runs go on at their interval: "
            "30d. Without it, each run reads one slice.",
        ),
    ] = ArchiveSettings.refresh_within,
    start: Annotated[
        datetime | None,
        typer.Option(parser=instant_of, metavar="INSTANT", help="Archive from this day or RFC 3339 instant on."),
    ] = ArchiveSettings.start,
    end: Annotated[
        datetime | None,
        typer.Option(
            parser=instant_of, metavar="INSTANT", help="Archive only what is before this day or RFC 3339 instant."
        ),
    ] = ArchiveSettings.end,
    concurrency: Annotated[
        int,
        typer.Option(
            min=_MIN_CONCURRENCY,
            max=_MAX_CONCURRENCY,
            help="Upper limit on parallel copies. The actual number adapts to what the hosts can take.",
        ),
    ] = ArchiveSettings.concurrency,
    per_page: Annotated[
        int, typer.Option(min=_MIN_PER_PAGE, max=_MAX_PER_PAGE, help="Outputs per request to the listing.")
    ] = ArchiveSettings.per_page,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Retry all failed images now, not only those that are due.")
    ] = ArchiveSettings.retry_failed,
    allow_unsafe_store: Annotated[
        bool, typer.Option("--allow-unsafe-store", help="Continue even if the store ignores conditional writes.")
    ] = ArchiveSettings.allow_unsafe_store,
    allow_account_mismatch: AllowAccountMismatch = ArchiveSettings.allow_account_mismatch,
    allow_deletions: AllowDeletions = ArchiveSettings.allow_deletions,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Write nothing: print how many outputs and bytes a run would archive, its requests and its time.",
        ),
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Archive what is new, and prove that nothing is missing. Safe to interrupt and to run again at any time.

    Needs the API key (STABLECOG_API_KEY). Exit codes: 0 proven; 3 something is left, or the counts differ; 2 wrong settings; 1
    any other error.
    """
    from .rendering import show_estimate, show_report
    from .reporting import execute, print_report
    from .settings import source_settings, store_settings

    cli: CliContext = context.obj
    if start and end and not start < end:
        raise typer.BadParameter("--start must be before --end")
    settings = ArchiveSettings(
        layout=to,
        start=start,
        end=end,
        lookback=lookback,
        refresh_within=refresh_within,
        per_page=per_page,
        concurrency=concurrency,
        retry_failed=retry_failed,
        allow_unsafe_store=allow_unsafe_store,
        allow_account_mismatch=allow_account_mismatch,
        allow_deletions=allow_deletions,
    )
    source_access = source_settings(cli.environ, source, image_host, source_header)
    store_access = store_settings(cli.environ, endpoint_url)
    if dry_run:
        from ..archive.estimate import estimate

        estimated = execute(
            cli,
            lambda: cli.open_ports(source_access, store_access, to),
            lambda ports, on_progress: estimate(ports, settings, on_progress),
            quiet=quiet or as_json,
        )
        # Without a report, a dry run would have no result at all.
        return print_report(cli, estimated, show_estimate, as_json=as_json)
    report = execute(
        cli,
        lambda: cli.open_ports(source_access, store_access, to),
        lambda ports, on_progress: archive(ports, settings, on_progress),
        quiet=quiet or as_json,
    )
    return print_report(cli, report, show_report, as_json=as_json, quiet=quiet)
