"""`stablecog-archive run`."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console

from ..adapters import event_loop
from ..archive.concurrency import CEILING
from ..archive.ports import Watcher, World
from ..archive.report import RunReport
from ..archive.run import ArchiveSettings, archive
from ..model.page import MAX_PER_PAGE
from .options import Debug, EndpointUrl, Json, SameAccount, To, instant_of, span_of
from .progress import watching
from .settings import source_settings, store_settings
from .surroundings import Surroundings
from .tables import show_report


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
    ] = CEILING,
    per_page: Annotated[int, typer.Option(min=1, max=MAX_PER_PAGE, help="Outputs asked for at once.")] = MAX_PER_PAGE,
    allow_unsafe_store: Annotated[
        bool, typer.Option("--allow-unsafe-store", help="Go on where the store ignores conditional writes.")
    ] = False,
    same_account: SameAccount = False,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Archive what the source has and the bucket lacks, and prove it. Safe to interrupt, and to run again at any time."""
    around: Surroundings = context.obj
    if start and end and not start < end:
        raise typer.BadParameter("--start must be before --end")
    asked = ArchiveSettings(
        layout=to,
        start=start,
        end=end,
        lookback=lookback,
        per_page=per_page,
        concurrency=concurrency,
        allow_unsafe_store=allow_unsafe_store,
        same_account=same_account,
    )
    from_source = source_settings(around.environ, source, image_host)
    into_store = store_settings(around.environ, endpoint_url)
    with watching(Console(file=around.err, quiet=as_json)) as watch:
        report = event_loop.run(_archived(lambda: around.open_world(from_source, into_store, to), asked, watch))
    if as_json:
        around.out.write(json.dumps(report.to_document()) + "\n")
    else:
        show_report(Console(file=around.out), report)
    return report.exit_code


async def _archived(
    opened: Callable[[], AbstractAsyncContextManager[World]], asked: ArchiveSettings, watch: Watcher | None
) -> RunReport:
    async with opened() as world:
        return await archive(world, asked, watch)
