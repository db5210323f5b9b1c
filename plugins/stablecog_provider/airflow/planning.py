"""What a planning task does: look at an archive and its source, and hand out windows for mapped operators."""

from __future__ import annotations

import asyncio
from typing import Any

from ..adapters.assembly import SourceSettings, StoreSettings, open_ports
from ..archive.committing.checkpoint_file import CheckpointFile
from ..archive.plan import plan
from ..errors import ArchiveError
from ..model.object_keys import Layout
from .errors import as_airflow
from .hooks import StablecogHook
from .operators import layout_of, store_settings


def planned_windows(
    bucket: str,
    prefix: str = "",
    *,
    pieces: int,
    stablecog_conn_id: str = StablecogHook.default_conn_name,
    aws_conn_id: str | None = "aws_default",
) -> list[dict[str, Any]]:
    """`start` and `end` (RFC 3339 text) of about `pieces` windows that hold what the archive lacks, for `expand_kwargs`.

    An empty list where nothing is missing. Raises what `as_airflow` makes of an ArchiveError.
    """
    try:
        layout = layout_of(bucket, prefix)
        source, store = StablecogHook(stablecog_conn_id).get_conn(), store_settings(aws_conn_id)
        return asyncio.run(_planned(source, store, layout, pieces))
    except ArchiveError as error:
        raise as_airflow(error) from error


async def _planned(source: SourceSettings, store: StoreSettings, layout: Layout, pieces: int) -> list[dict[str, Any]]:
    async with open_ports(source, store, layout) as ports:
        checkpoint = await CheckpointFile(ports.store, layout).load(ports.source.address)
        return [piece.to_document() for piece in await plan(ports.source, checkpoint, pieces=pieces)]
