"""`stablecog-archive status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from .context import CliContext
from .options import Debug, EndpointUrl, Json, To

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from ..archive.ports import ObjectStore
    from ..archive.status import ArchiveStatus
    from ..model.object_keys import Layout


def status(
    context: typer.Context, to: To, endpoint_url: EndpointUrl = None, as_json: Json = False, debug: Debug = False
) -> int:
    """Report the state of an archive. Reads the bucket alone: coverage, proof, missing partitions, last run. Needs no API key."""
    from ..adapters import event_loop
    from .rendering import show_status
    from .reporting import print_report
    from .settings import store_settings

    cli: CliContext = context.obj
    store_access = store_settings(cli.environ, endpoint_url)
    found = event_loop.run(_read(lambda: cli.open_store(store_access, to), to))
    return print_report(cli, found, show_status, as_json=as_json)


async def _read(opened: Callable[[], AbstractAsyncContextManager[ObjectStore]], layout: Layout) -> ArchiveStatus:
    from ..archive.status import status as read_status

    async with opened() as store:
        return await read_status(store, layout)
