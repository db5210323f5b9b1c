"""`stablecog-archive status`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import typer

from ..adapters import event_loop
from ..archive.ports import ObjectStore
from ..archive.status import ArchiveStatus
from ..archive.status import status as read_status
from ..model.object_keys import Layout
from .context import CliContext
from .options import Debug, EndpointUrl, Json, To
from .rendering import show_status
from .reporting import print_report
from .settings import store_settings


def status(
    context: typer.Context, to: To, endpoint_url: EndpointUrl = None, as_json: Json = False, debug: Debug = False
) -> int:
    """Say how an archive stands, from the bucket alone: coverage, proof, missing partitions, the last run. Needs no API key."""
    cli: CliContext = context.obj
    into_store = store_settings(cli.environ, endpoint_url)
    found = event_loop.run(_read(lambda: cli.open_store(into_store, to), to))
    return print_report(cli, found, show_status, as_json=as_json)


async def _read(opened: Callable[[], AbstractAsyncContextManager[ObjectStore]], layout: Layout) -> ArchiveStatus:
    async with opened() as store:
        return await read_status(store, layout)
