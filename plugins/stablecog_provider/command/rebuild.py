"""`stablecog-archive rebuild`."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated

import typer
from rich.console import Console

from ..adapters import event_loop
from ..archive.ports import Watcher, World
from ..archive.rebuild import RebuildSettings
from ..archive.rebuild import rebuild as rebuild_archive
from ..archive.rebuild_report import RebuildReport
from .options import Debug, EndpointUrl, Json, SameAccount, To
from .progress import watching
from .settings import source_settings, store_settings
from .surroundings import Surroundings
from .tables import show_rebuild


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
    same_account: SameAccount = False,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Make a lost or damaged checkpoint anew, from the manifest and the source's counts. Deletes nothing."""
    around: Surroundings = context.obj
    asked = RebuildSettings(
        layout=to, set_aside_damaged=set_aside_damaged, check_images=check_images, same_account=same_account
    )
    from_source = source_settings(around.environ, source, image_host)
    into_store = store_settings(around.environ, endpoint_url)
    with watching(Console(file=around.err, quiet=as_json)) as watch:
        report = event_loop.run(_rebuilt(lambda: around.open_world(from_source, into_store, to), asked, watch))
    if as_json:
        around.out.write(json.dumps(report.to_document()) + "\n")
    else:
        show_rebuild(Console(file=around.out), report)
    return report.exit_code


async def _rebuilt(
    opened: Callable[[], AbstractAsyncContextManager[World]], asked: RebuildSettings, watch: Watcher | None
) -> RebuildReport:
    async with opened() as world:
        return await rebuild_archive(world, asked, watch)
