"""Plans a backfill: splits what an archive lacks into windows for mapped operators."""

from __future__ import annotations

import logging
from typing import Any

from ..adapters.assembly import open_ports
from ..adapters.settings import SourceSettings, StoreSettings
from ..archive.committing.checkpoint_file import CheckpointFile
from ..archive.plan import plan
from ..errors import ArchiveError
from ..model.object_keys import Layout
from .arguments import layout_of
from .connections import source_settings, store_settings
from .errors import as_airflow
from .hooks import StablecogHook
from .running import StoppableRun

_log = logging.getLogger(__name__)


def planned_windows(
    bucket: str,
    prefix: str = "",
    *,
    pieces: int,
    stablecog_conn_id: str = StablecogHook.default_conn_name,
    aws_conn_id: str | None = "aws_default",
) -> list[dict[str, Any]]:
    """Return what the archive lacks as about `pieces` windows of equal work, for `expand_kwargs`.

    Each is `{"start": ..., "end": ...}` with RFC 3339 texts. The list is empty if nothing is missing. Raises the exception
    that `as_airflow` returns for an ArchiveError.
    """
    try:
        layout = layout_of(bucket, prefix)
        source, store = source_settings(stablecog_conn_id), store_settings(aws_conn_id)
        return StoppableRun(lambda: _planned(source, store, layout, pieces)).result()
    except ArchiveError as error:
        raise as_airflow(error, _log) from None


async def _planned(source: SourceSettings, store: StoreSettings, layout: Layout, pieces: int) -> list[dict[str, Any]]:
    async with open_ports(source, store, layout) as ports:
        checkpoint = await CheckpointFile(ports.store, layout).load()
        return [piece.to_document() for piece in await plan(ports.source, checkpoint, pieces=pieces)]
