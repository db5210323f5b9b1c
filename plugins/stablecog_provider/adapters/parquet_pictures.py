"""Port `Pictures` over the manifest's partitions: the columns that a gallery shows, matched in Arrow, kept by version."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..archive.browsing.filters import Filter
from ..archive.browsing.picture import File, Matches, Picture, Position
from ..archive.ports import ObjectStore
from ..archive.resilience.retry import STORE_RETRIES
from ..errors import PartitionDamaged
from ..model.manifest import Row, State
from ..model.object_keys import Layout, Rendition
from .parquet_manifest import ParquetManifest

KEPT_BYTES = 96_000_000
"""Of the columns below, decoded: about 200,000 pictures."""
COLUMNS = (
    "output_id",
    "rendition",
    "generation_id",
    "created_at",
    "state",
    "uri",
    "sha256",
    "content_type",
    "error",
    "bytes",
    "deleted_at",
    "prompt",
    "model_id",
    "gallery_status",
    "width",
    "height",
    "is_favorited",
)
_ORDER = [("created_at", "descending"), ("output_id", "descending"), ("rendition", "ascending")]


class ParquetPictures:
    """The least recently used days are dropped beyond `kept_bytes`."""

    def __init__(self, store: ObjectStore, layout: Layout, kept_bytes: int = KEPT_BYTES) -> None:
        self._store, self._layout, self._limit = store, layout, kept_bytes
        self._kept: OrderedDict[date, tuple[str, pa.Table]] = OrderedDict()

    async def matches(self, day: date, version: str, wanted: Filter, before: Position | None, limit: int) -> Matches:
        table = await self._table(day, version)
        return await asyncio.to_thread(_matches, table, wanted, before, limit)

    async def find(self, day: date, version: str, output_id: str) -> Picture | None:
        table = await self._table(day, version)
        return next(iter(_pictures(table.filter(pc.equal(table["output_id"], output_id)))), None)

    async def beside(self, day: date, version: str, picture: Picture) -> Sequence[Picture]:
        if not picture.generation_id:
            return [picture]
        table = await self._table(day, version)
        same = table.filter(pc.fill_null(pc.equal(table["generation_id"], picture.generation_id), False))
        return sorted(_pictures(same), key=lambda each: each.output_id)

    async def rows(self, day: date, output_id: str) -> Sequence[Row]:
        partition = await ParquetManifest(self._store, self._layout).load(day)
        return [row for rendition in Rendition if (row := partition.get((output_id, rendition))) is not None]

    async def _table(self, day: date, version: str) -> pa.Table:
        kept = self._kept.get(day)
        if kept is not None and version and kept[0] == version:
            self._kept.move_to_end(day)
            return kept[1]
        key = self._layout.partition(day)
        stored = await STORE_RETRIES.call(partial(self._store.get, key), asyncio.sleep)
        if stored is None:
            return _EMPTY
        table = await asyncio.to_thread(_read, stored.body, key)
        self._kept[day] = stored.version.strip('"'), table
        self._kept.move_to_end(day)
        while len(self._kept) > 1 and sum(each.nbytes for _, each in self._kept.values()) > self._limit:
            self._kept.popitem(last=False)
        return table


def _read(body: bytes, key: str) -> pa.Table:
    try:
        return pq.ParquetFile(pa.BufferReader(body)).read(columns=list(COLUMNS), use_threads=False).sort_by(_ORDER)
    except (pa.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
        hint = "`stablecog-archive rebuild --set-aside-damaged` says what can be done"
        raise PartitionDamaged(f"{key} cannot be read: {str(error)[:200]}", hint=hint) from None


def _matches(table: pa.Table, wanted: Filter, before: Position | None, limit: int) -> Matches:
    if wanted and len(table):
        ids = table["output_id"].filter(_condition(table, wanted)).unique()
        table = table.filter(pc.is_in(table["output_id"], ids))
    total = int(pc.count_distinct(table["output_id"]).as_py()) if len(table) else 0
    if before is not None and len(table):
        at = pa.scalar(before.at, pa.timestamp("us", "UTC"))
        same = pc.and_(pc.equal(table["created_at"], at), pc.less(table["output_id"], before.output_id))
        table = table.filter(pc.or_(pc.less(table["created_at"], at), same))
    # An output has two images at most.
    return Matches(_pictures(table.slice(0, limit * len(Rendition)))[:limit], total)


def _condition(table: pa.Table, wanted: Filter) -> pa.ChunkedArray:
    parts = [pc.match_substring(table["prompt"], word, ignore_case=True) for word in wanted.words]
    columns = (("model_id", wanted.models), ("gallery_status", wanted.statuses), ("state", wanted.states))
    parts += [pc.is_in(table[name], pa.array(values, pa.string())) for name, values in columns if values]
    if wanted.favourite:
        parts.append(table["is_favorited"])
    if wanted.upscaled:
        parts.append(pc.equal(table["rendition"], Rendition.UPSCALED.value))
    if wanted.deleted:
        parts.append(pc.is_valid(table["deleted_at"]))
    whole = pc.is_valid(table["output_id"])
    for part in parts:
        whole = pc.and_(whole, pc.fill_null(part, False))
    return whole


def _pictures(table: pa.Table) -> list[Picture]:
    """The rows, which are in order, as pictures."""
    found: dict[str, dict[str, Any]] = {}
    files: dict[str, dict[Rendition, File]] = {}
    for row in table.to_pylist():
        found.setdefault(row["output_id"], row)
        files.setdefault(row["output_id"], {})[Rendition(row["rendition"])] = _file(row)
    return [_picture(row, files[output_id]) for output_id, row in found.items()]


def _picture(row: dict[str, Any], files: dict[Rendition, File]) -> Picture:
    return Picture(
        output_id=row["output_id"],
        created_at=_utc(row["created_at"]),
        generation_id=row["generation_id"] or "",
        prompt=row["prompt"] or "",
        model_id=row["model_id"] or "",
        width=row["width"] or 0,
        height=row["height"] or 0,
        is_favorited=bool(row["is_favorited"]),
        deleted_at=row["deleted_at"] and _utc(row["deleted_at"]),
        files=files,
    )


def _file(row: dict[str, Any]) -> File:
    return File(
        state=State(row["state"]),
        uri=row["uri"] or "",
        content_type=row["content_type"] or "",
        bytes=row["bytes"] or 0,
        sha256=row["sha256"] or "",
        error=row["error"] or "",
    )


def _utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


_EMPTY = pa.table({name: pa.array([], pa.string()) for name in COLUMNS})
