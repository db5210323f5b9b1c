"""Port `Pictures` over the manifest's partitions. Only the columns that a gallery shows are decoded; conditions run in Arrow."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...archive.browsing.filters import EVERYTHING, Filter
from ...archive.browsing.latest import BROWSE_RETRIES
from ...archive.browsing.picture import File, Matches, Picture, Place, Position
from ...archive.ports import ObjectStore
from ...errors import PartitionDamaged
from ...model.manifest import Row, State
from ...model.object_keys import Layout, Rendition
from ..parquet_manifest import ParquetManifest
from ..parquet_partition import RESTORE, SCHEMA

KEPT_BYTES = 64_000_000
"""Of decoded columns: about 150,000 images."""
COLUMNS = (
    "output_id", "rendition", "generation_id", "created_at", "state", "uri", "sha256", "content_type", "error", "bytes",
    "deleted_at", "prompt", "model_id", "gallery_status", "width", "height", "is_favorited",
)  # fmt: skip
_INSTANT = pa.timestamp("us", "UTC")
_EMPTY = pa.schema([SCHEMA.field(name) for name in COLUMNS]).empty_table()


@dataclass(frozen=True, slots=True)
class _Kept:
    """A decoded partition. `versions`: the one that it has, and the one that the checkpoint had when it was read."""

    versions: frozenset[str]
    table: pa.Table


class ParquetPictures:
    """The least recently used days are dropped beyond `kept_bytes`; the last one is kept."""

    def __init__(self, store: ObjectStore, layout: Layout, kept_bytes: int = KEPT_BYTES) -> None:
        self._store, self._layout, self._limit = store, layout, kept_bytes
        self._manifest = ParquetManifest(store, layout)
        self._kept: OrderedDict[date, _Kept] = OrderedDict()
        self._size = 0
        self._models: set[str] = set()
        self._reading: dict[tuple[date, str, Filter], asyncio.Future[pa.Table]] = {}

    async def matches(self, day: date, version: str, wanted: Filter, before: Position | None, limit: int) -> Matches:
        return await self._matches(day, version, wanted, partial(_older_first, before, limit))

    async def newer(self, day: date, version: str, wanted: Filter, after: Position | None, limit: int) -> Matches:
        return await self._matches(day, version, wanted, partial(_newer_first, after, limit))

    async def _matches(self, day: date, version: str, wanted: Filter, choose: Callable[[pa.Table], Matches]) -> Matches:
        table = await self._table(day, version, wanted)
        if not wanted:
            return choose(table)
        return await asyncio.to_thread(lambda: choose(_matching(table, wanted)))

    async def place(self, day: date, version: str, wanted: Filter, at: Position) -> Place:
        table = _matching(await self._table(day, version, wanted), wanted)
        return Place(_count(table.filter(_newer(table, at))) + 1, _count(table))

    def models(self) -> Sequence[str]:
        return sorted(self._models)

    async def find(self, day: date, version: str, output_id: str) -> Picture | None:
        table = await self._table(day, version)
        return next(iter(_pictures(table.filter(pc.equal(table["output_id"], output_id)))), None)

    async def beside(self, day: date, version: str, picture: Picture) -> Sequence[Picture]:
        if not picture.generation_id:
            return [picture]
        table = await self._table(day, version)
        same = table.filter(pc.equal(table["generation_id"], picture.generation_id))
        return sorted(_pictures(same), key=lambda each: each.output_id)

    async def rows(self, day: date, output_id: str) -> Sequence[Row]:
        partition = await BROWSE_RETRIES.call(partial(self._manifest.load, day), asyncio.sleep)
        return [row for rendition in Rendition if (row := partition.get((output_id, rendition))) is not None]

    async def _table(self, day: date, version: str, wanted: Filter = EVERYTHING) -> pa.Table:
        """The day's rows; none of them if none matches and the day was not read before."""
        kept = self._kept.get(day)
        if kept is not None and version in kept.versions:
            self._kept.move_to_end(day)
            return kept.table
        # Many requests for one day read it once.
        asked = (day, version, wanted)
        if asked not in self._reading:
            self._reading[asked] = asyncio.ensure_future(self._read(day, version, wanted))
            self._reading[asked].add_done_callback(lambda _: self._reading.pop(asked, None))
        return await asyncio.shield(self._reading[asked])

    async def _read(self, day: date, version: str, wanted: Filter) -> pa.Table:
        key = self._layout.partition(day)
        stored = await BROWSE_RETRIES.call(partial(self._store.get, key), asyncio.sleep)
        if stored is None:
            raise PartitionDamaged(f"{self._layout.uri(key)} is missing", hint=RESTORE)
        table = await asyncio.to_thread(_decoded, stored.body, self._layout.uri(key), wanted)
        if table is None:
            return _EMPTY
        self._models.update(pc.drop_null(table["model_id"].unique()).to_pylist())
        self._keep(day, _Kept(frozenset({version, stored.version.strip('"')}), table))
        return table

    def _keep(self, day: date, kept: _Kept) -> None:
        if (replaced := self._kept.pop(day, None)) is not None:
            self._size -= replaced.table.nbytes
        self._kept[day] = kept
        self._size += kept.table.nbytes
        while self._size > self._limit and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._size -= dropped.table.nbytes


def _decoded(body: bytes, name: str, wanted: Filter) -> pa.Table | None:
    """The columns in the order of the partition, oldest first; None if no row matches. Raises PartitionDamaged.

    The columns of the condition are a quarter of the work, so a search reads the others only if something matches.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(body), page_checksum_verification=True)
        if wanted and not len(_matching(_columns(file, _searched(wanted)), wanted)):
            return None
        return _columns(file, COLUMNS)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise PartitionDamaged(f"{name} cannot be read: {str(error)[:200]}", hint=RESTORE) from None


def _columns(file: pq.ParquetFile, names: Sequence[str]) -> pa.Table:
    schema = pa.schema([SCHEMA.field(name) for name in names])
    return file.read(columns=list(names), use_threads=False).select(names).cast(schema).combine_chunks()


def _searched(wanted: Filter) -> tuple[str, ...]:
    """The columns that `_conditions` reads."""
    used = {
        "prompt": wanted.words, "model_id": wanted.models, "gallery_status": wanted.statuses, "state": wanted.states,
        "rendition": wanted.upscaled, "deleted_at": wanted.deleted, "is_favorited": wanted.favourite,
    }  # fmt: skip
    return ("output_id", *(name for name, value in used.items() if value))


def _older_first(before: Position | None, limit: int, table: pa.Table) -> Matches:
    total = _count(table)
    if before is not None:
        table = table.filter(_older(table, before))
    # An output has two images at most, and both are kept together.
    some = table.slice(max(0, len(table) - limit * len(Rendition) - 1))
    return Matches(_pictures(some)[:limit], total)


def _newer_first(after: Position | None, limit: int, table: pa.Table) -> Matches:
    total = _count(table)
    if after is not None:
        table = table.filter(_newer(table, after))
    return Matches(_pictures(table.slice(0, limit * len(Rendition) + 1))[-limit:], total)


def _count(table: pa.Table) -> int:
    return int(pc.count_distinct(table["output_id"]).as_py())


def _older(table: pa.Table, position: Position) -> pa.ChunkedArray:
    """Whether a row comes after the position, in the order of the gallery."""
    at = pa.scalar(position.at, _INSTANT)
    same = pc.and_(pc.equal(table["created_at"], at), pc.less(table["output_id"], position.output_id))
    return pc.or_(pc.less(table["created_at"], at), same)


def _newer(table: pa.Table, position: Position) -> pa.ChunkedArray:
    """Whether a row comes before the position, in the order of the gallery."""
    return pc.invert(pc.or_(_older(table, position), pc.equal(table["output_id"], position.output_id)))


def _matching(table: pa.Table, wanted: Filter) -> pa.Table:
    """All rows of the outputs of which one row matches."""
    parts = _conditions(table, wanted)
    if not parts:
        return table
    mask = parts[0]
    for part in parts[1:]:
        mask = pc.and_kleene(mask, part)
    ids = table["output_id"].filter(mask).unique()
    return table.filter(pc.is_in(table["output_id"], ids)) if len(ids) else table.slice(0, 0)


def _conditions(table: pa.Table, wanted: Filter) -> list[pa.ChunkedArray]:
    parts = []
    if wanted.words:
        prompt = pc.utf8_lower(table["prompt"])
        parts += [pc.match_substring(prompt, pc.utf8_lower(pa.scalar(word)).as_py()) for word in wanted.words]
    columns = (("model_id", wanted.models), ("gallery_status", wanted.statuses), ("state", wanted.states))
    parts += [pc.is_in(table[name], pa.array(values, pa.string())) for name, values in columns if values]
    if wanted.favourite:
        parts.append(table["is_favorited"])
    if wanted.upscaled:
        parts.append(pc.equal(table["rendition"], Rendition.UPSCALED.value))
    if wanted.deleted:
        parts.append(pc.is_valid(table["deleted_at"]))
    return parts


def _pictures(table: pa.Table) -> list[Picture]:
    """The pictures of the rows, which are in the order of the partition; newest first."""
    outputs: dict[str, dict[str, Any]] = {}
    files: dict[str, dict[Rendition, File]] = {}
    for row in table.to_pylist():
        outputs.setdefault(row["output_id"], row)
        files.setdefault(row["output_id"], {})[Rendition(row["rendition"])] = _file(row)
    return [_picture(row, files[output_id]) for output_id, row in reversed(outputs.items())]


def _picture(row: dict[str, Any], files: dict[Rendition, File]) -> Picture:
    return Picture(
        output_id=row["output_id"],
        created_at=row["created_at"].astimezone(UTC),
        generation_id=row["generation_id"] or "",
        prompt=row["prompt"] or "",
        model_id=row["model_id"] or "",
        width=row["width"] or 0,
        height=row["height"] or 0,
        is_favorited=bool(row["is_favorited"]),
        deleted_at=row["deleted_at"] and row["deleted_at"].astimezone(UTC),
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
