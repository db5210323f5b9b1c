"""`stablecog-archive rebuild`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..archive.rebuild import RebuildSettings
from ..archive.rebuild import rebuild as rebuild_archive
from .context import CliContext
from .options import AllowAccountMismatch, Debug, EndpointUrl, Json, To
from .rendering import show_rebuild
from .reporting import execute, print_report
from .settings import source_settings, store_settings


def rebuild(
    context: typer.Context,
    to: To,
    source: Annotated[
        str | None, typer.Option(metavar="URL", help="The API's address (else Stablecog's own).", show_default=False)
    ] = None,
    endpoint_url: EndpointUrl = None,
    image_host: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST[:PORT]", help="As for `run`: a host that may be asked over plain http; repeatable."),
    ] = None,
    set_aside_damaged: Annotated[
        bool,
        typer.Option(
            "--set-aside-damaged",
            help="Move partitions that cannot be read to damaged/; the next run reads their days.",
        ),
    ] = False,
    check_images: Annotated[
        bool,
        typer.Option("--check-images", help="Look whether every archived image lies in the bucket, by key and size."),
    ] = False,
    allow_account_mismatch: AllowAccountMismatch = False,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Make a lost or damaged checkpoint anew, from the manifest and the source's counts. Deletes nothing."""
    cli: CliContext = context.obj
    asked = RebuildSettings(
        layout=to,
        set_aside_damaged=set_aside_damaged,
        check_images=check_images,
        allow_account_mismatch=allow_account_mismatch,
    )
    from_source = source_settings(cli.environ, source, image_host)
    into_store = store_settings(cli.environ, endpoint_url)
    report = execute(
        cli,
        lambda: cli.open_ports(from_source, into_store, to),
        lambda ports, on_progress: rebuild_archive(ports, asked, on_progress),
        as_json=as_json,
    )
    return print_report(cli, report, show_rebuild, as_json=as_json)
