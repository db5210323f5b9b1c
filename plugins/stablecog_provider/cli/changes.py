"""`stablecog-archive changes`."""

from __future__ import annotations

from typing import Annotated

import typer

from .context import CliContext
from .options import Debug, EndpointUrl, Json, To


def changes(
    context: typer.Context,
    to: To,
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="POINT",
            help="@41 (the cursor of an earlier answer; @0: the beginning), an instant, a UTC day, or the id of a run.",
        ),
    ] = "@0",
    endpoint_url: EndpointUrl = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """List the partitions of the manifest that were changed since a point. Reads the bucket alone."""
    from ..adapters import event_loop
    from ..archive.changes import ChangesSettings
    from ..archive.changes import changes as read_changes
    from ..archive.reports.changes import ChangesReport
    from .rendering import show_changes
    from .reporting import print_report
    from .settings import store_settings

    cli: CliContext = context.obj
    store_access = store_settings(cli.environ, endpoint_url)

    async def read() -> ChangesReport:
        async with cli.open_store(store_access, to) as store:
            return await read_changes(store, ChangesSettings(to, since))

    return print_report(cli, event_loop.run(read()), show_changes, as_json=as_json)
