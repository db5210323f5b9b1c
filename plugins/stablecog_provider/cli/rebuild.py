"""`stablecog-archive rebuild`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..archive.rebuild import RebuildSettings
from ..archive.rebuild import rebuild as rebuild_archive
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
)


def rebuild(
    context: typer.Context,
    to: To,
    source: Source = None,
    endpoint_url: EndpointUrl = None,
    image_host: ImageHost = None,
    source_header: SourceHeader = None,
    set_aside_damaged: Annotated[
        bool,
        typer.Option(
            "--set-aside-damaged",
            help="Move unreadable partitions to damaged/; the next run reads their days again.",
        ),
    ] = RebuildSettings.set_aside_damaged,
    check_images: Annotated[
        bool,
        typer.Option("--check-images", help="Check that every archived image is in the bucket with its recorded size."),
    ] = RebuildSettings.check_images,
    allow_account_mismatch: AllowAccountMismatch = RebuildSettings.allow_account_mismatch,
    allow_deletions: AllowDeletions = RebuildSettings.allow_deletions,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Recreate a lost or damaged checkpoint. Uses the manifest and the source's counts; deletes nothing.

    Needs the API key (STABLECOG_API_KEY). Exit codes: 0 rebuilt; 3 the next run has something to fill in; 2 wrong settings; 1
    any other error.
    """
    from .rendering import show_rebuild
    from .reporting import execute, print_report
    from .settings import source_settings, store_settings

    cli: CliContext = context.obj
    settings = RebuildSettings(
        layout=to,
        set_aside_damaged=set_aside_damaged,
        check_images=check_images,
        allow_account_mismatch=allow_account_mismatch,
        allow_deletions=allow_deletions,
    )
    source_access = source_settings(cli.environ, source, image_host, source_header)
    store_access = store_settings(cli.environ, endpoint_url)
    report = execute(
        cli,
        lambda: cli.open_ports(source_access, store_access, to),
        lambda ports, on_progress: rebuild_archive(ports, settings, on_progress),
        quiet=quiet or as_json,
    )
    return print_report(cli, report, show_rebuild, as_json=as_json, quiet=quiet)
