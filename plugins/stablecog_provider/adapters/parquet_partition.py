"""One day's rows as an Arrow table: read strictly, merged, written.

A partition stays an Arrow table from read to write; only rows that pending rows are merged with become Python values.
Reading is strict: a file with columns of another tool is rejected, since the next merge would drop those columns for good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date
from functools import cached_property
from operator import attrgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..archive.ports import Base
from ..errors import ArchiveTooNew, PartitionDamaged
from ..model.coverage import Window
from ..model.manifest import COLUMNS, SCHEMA_VERSION, Row, RowKey, State
from ..model.object_keys import Rendition, day_of
from ..model.partition_summary import ImageCounts, PartitionSummary, RowChanges, summarize
from ..model.row_fixity import verified_since
from ..model.row_lifecycle import copies_of, merge_rows
from ..model.verification import Verified, condensed

VERSION_KEY = b"stablecog.schema_version"
RUN_KEY = b"stablecog.run_id"
"""The run that wrote the object. Readers of the table need not care."""
BLOCK = 128
"""Rows converted to Python values at a time; takes about 5 ms."""
KEPT_BLOCKS = 16
WORTH_THREADS = 1 << 20
"""Size of a partition in bytes, below which reading its columns in threads costs more time than it saves."""
RESTORE = (
    "restore an earlier version of the object, or run `stablecog-archive rebuild --set-aside-damaged`, which moves it aside so "
    "that the next run reads the day again; images and other days are not touched"
)

_NAMES = tuple(name for name, _, _ in COLUMNS)
ARROW = {kind: pa.type_for_alias(kind) for kind in ("string", "int32", "int64", "float64", "bool")}
ARROW["timestamp[us, UTC]"] = pa.timestamp("us", tz="UTC")
"""The Arrow type of each type of a column."""
SCHEMA = pa.schema(
    [pa.field(name, ARROW[kind], nullable=nullable) for name, kind, nullable in COLUMNS],
    metadata={VERSION_KEY: str(SCHEMA_VERSION).encode()},
)
_FIRST_COLUMNS = max(number for number, (_, _, nullable) in enumerate(COLUMNS) if not nullable) + 1
_ORDER = [(name, "ascending") for name in ("created_at", "output_id", "rendition")]
_values = attrgetter(*_NAMES)


class ParquetPartition:
    """Port `Partition` over an Arrow table of `SCHEMA`: sorted, keys unique. `run_id`: the run that wrote it."""

    def __init__(self, day: date, table: pa.Table | None = None, run_id: str = "") -> None:
        self.day = day
        self.version, self.run_id = "", run_id
        self.base, self.written = Base(), RowChanges()
        self.table: pa.Table = SCHEMA.empty_table() if table is None else table
        self._blocks: dict[int, list[Row]] = {}

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def _index(self) -> dict[RowKey, int]:
        keys = (self.table[name].to_pylist() for name in ("output_id", "rendition"))
        return dict(zip(zip(*keys, strict=True), range(len(self)), strict=True))

    def get(self, key: RowKey) -> Row | None:
        number = self._index.get(key)
        return None if number is None else self._block(number // BLOCK)[number % BLOCK]

    def rows(self) -> Iterator[Row]:
        for start in range(0, len(self), BLOCK):
            yield from _rows_of(self.table.slice(start, BLOCK))

    def rows_with(self, hashes: set[str]) -> Iterator[Row]:
        return _rows_of(self.table.filter(pc.is_in(self.table["sha256"], pa.array(hashes, pa.string()))))

    def _block(self, number: int) -> list[Row]:
        # A walk reads in nearly the order of the table, and a block costs little more than a row.
        if number not in self._blocks:
            if len(self._blocks) >= KEPT_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[number] = list(_rows_of(self.table.slice(number * BLOCK, BLOCK)))
        return self._blocks[number]

    def live_ids(self, within: Window | None = None) -> set[str]:
        return set(self.table.column("output_id").filter(self._live(within)).to_pylist())

    def live_count(self, within: Window | None = None) -> int:
        return int(pc.sum(self._live(within)).as_py() or 0)

    def output_count(self) -> int:
        kept = self.table["output_id"].filter(pc.not_equal(self.table["state"], State.FORGOTTEN.value))
        return int(pc.count_distinct(kept).as_py())

    def forgotten_ids(self) -> set[str]:
        forgotten = pc.equal(self.table["state"], State.FORGOTTEN.value)
        return set(self.table["output_id"].filter(forgotten).to_pylist())

    def summary(self) -> PartitionSummary:
        """What the checkpoint keeps of it. Only rows that may need something become Python values."""
        stored = pc.equal(self.table["state"], State.ARCHIVED.value)
        current = pc.fill_null(pc.equal(self.table["archived_url"], self.table["source_url"]), False)
        fine = pc.and_(stored, current)
        archived = int(pc.sum(fine).as_py() or 0)
        forgotten = pc.equal(self.table["state"], State.FORGOTTEN.value)
        summary = summarize(archived, _rows_of(self.table.filter(pc.invert(pc.or_(fine, forgotten)))))
        images = summary.images + ImageCounts(forgotten=int(pc.sum(forgotten).as_py() or 0))
        size = int(pc.sum(self.table["bytes"].filter(stored)).as_py() or 0)
        verified = self._verified(stored)
        live = self.live_count()
        return replace(summary, version=self.version, live=live, images=images, bytes=size, verified=verified)

    def _verified(self, stored: pa.ChunkedArray) -> tuple[Verified, ...]:
        """When the stored images were last verified. Only rows with earlier images become Python values."""
        marked = self.table.filter(pc.and_(stored, pc.is_valid(self.table["verified_at"])))
        alone = pc.is_null(marked["earlier_images"])
        newer = pc.less(marked["verified_at"], marked["archived_at"])
        current = marked.filter(pc.and_(alone, pc.invert(pc.fill_null(newer, False))))
        sums = current.group_by("verified_at").aggregate([("bytes", "sum"), ("output_id", "count")])
        columns = (_python_values(sums[name]) for name in ("verified_at", "output_id_count", "bytes_sum"))
        stamps = [Verified(at, images, size or 0) for at, images, size in zip(*columns, strict=True)]
        for row in _rows_of(marked.filter(pc.invert(alone))):
            if (at := verified_since(row)) is not None:
                stamps.append(Verified(at, 1, row.bytes or 0))
        return condensed(stamps)

    def merged(self, pending: Mapping[RowKey, Row]) -> ParquetPartition:
        """Return this partition with the rows of `pending` merged in, or itself if they change nothing."""
        met = {key: number for key in pending if (number := self._index.get(key)) is not None}
        changed = [row for key, row in pending.items() if key not in met]
        replaced: list[int] = []
        marked = 0
        known = _rows_of(self.table.take(pa.array(met.values(), pa.int64())))
        for number, old in zip(met.values(), known, strict=True):
            row = merge_rows(old, pending[old.key])
            if row != old:
                changed.append(row)
                replaced.append(number)
                marked += _is_marked(old, row)
        return self._with(changed, replaced, marked) if changed else self

    def amended(self, change: Callable[[Row], Row]) -> ParquetPartition:
        """Return this partition with `change` applied to each row, or itself if no row differs."""
        changed: list[Row] = []
        replaced: list[int] = []
        marked = 0
        for number, old in enumerate(self.rows()):
            row = change(old)
            if row != old:
                changed.append(row)
                replaced.append(number)
                marked += _is_marked(old, row)
        return self._with(changed, replaced, marked) if changed else self

    def _with(self, changed: Sequence[Row], replaced: Sequence[int], marked: int) -> ParquetPartition:
        """Return this partition with the rows `changed` in place of those at the row numbers `replaced`. `marked`: how many of
        them got a tombstone.
        """
        row_numbers = pa.array(range(len(self)), pa.int64())
        kept = self.table.filter(pc.invert(pc.is_in(row_numbers, pa.array(replaced, pa.int64()))))
        # Sorting one chunk is twice as fast as sorting two.
        table = pa.concat_tables([kept, table_of(changed)]).combine_chunks().sort_by(_ORDER)
        found = ParquetPartition(self.day, table)
        found.written = RowChanges(len(changed) - len(replaced), len(replaced), marked)
        return found

    def to_parquet(self) -> bytes:
        sink = pa.BufferOutputStream()
        pq.write_table(
            self.table.replace_schema_metadata({**SCHEMA.metadata, RUN_KEY: self.run_id.encode()}),
            sink,
            compression="zstd",
            sorting_columns=pq.SortingColumn.from_ordering(SCHEMA, _ORDER),
            write_page_index=True,
            write_page_checksum=True,
        )
        return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]

    def _live(self, within: Window | None) -> pa.ChunkedArray:
        original = pc.equal(self.table["rendition"], Rendition.ORIGINAL.value)
        live = pc.and_(original, pc.is_null(self.table["deleted_at"]))
        if within is None:
            return live
        created = self.table["created_at"]
        start, end = (pa.scalar(instant, created.type) for instant in (within.start, within.end))
        return pc.and_(live, pc.and_(pc.greater_equal(created, start), pc.less(created, end)))


def _is_marked(old: Row, row: Row) -> bool:
    return old.deleted_at is None and row.deleted_at is not None


def table_of(rows: Iterable[Row]) -> pa.Table:
    """Return the rows as a table of `SCHEMA`, in the given order."""
    columns = list(zip(*map(_values, rows), strict=True)) or [()] * len(COLUMNS)
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )


def read_partition(day: date, body: bytes, name: str) -> ParquetPartition:
    """Read a partition from its object's bytes; errors call it `name`. Raises PartitionDamaged and ArchiveTooNew."""
    try:
        file = pq.ParquetFile(pa.BufferReader(body), page_checksum_verification=True)
        _check_schema(file.schema_arrow, name)
        table = file.read(use_threads=len(body) >= WORTH_THREADS)
        table.validate(full=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(name, f"it is not valid Parquet ({str(error)[:200]})") from None
    for column, kind, _ in COLUMNS[table.num_columns :]:
        table = table.append_column(column, pa.nulls(len(table), ARROW[kind]))
    table = table.select(_NAMES)
    _check_rows(day, table, name)
    run_id = (file.schema_arrow.metadata or {}).get(RUN_KEY, b"").decode("ascii", "replace")
    return ParquetPartition(day, table.cast(SCHEMA), run_id)


def _check_schema(found: pa.Schema, name: str) -> None:
    version = (found.metadata or {}).get(VERSION_KEY, b"").decode("ascii", "replace")
    if not version.isdecimal():
        raise _damaged(name, f"its metadata has no {VERSION_KEY.decode()}: another program wrote it")
    if int(version) > SCHEMA_VERSION:
        why = f"it has schema version {version}, but this program supports versions up to {SCHEMA_VERSION}"
        raise ArchiveTooNew(f"{name} cannot be read: {why}")
    foreign = [column for column in found.names if column not in _NAMES]
    if foreign:
        why = f"it has columns of another program, which a merge would drop: {', '.join(foreign)}"
        raise _damaged(name, why, hint=f"keep them in a table of your own; {RESTORE}")
    # A file of an older version may lack the last columns: new columns are added at the end only, and are nullable.
    expected = _NAMES if int(version) == SCHEMA_VERSION else _NAMES[: max(len(found.names), _FIRST_COLUMNS)]
    for column in expected:
        if found.names.count(column) != 1:
            raise _damaged(name, f"column {column} {'exists twice' if column in found.names else 'is missing'}")
        if found.field(column).type != SCHEMA.field(column).type:
            kinds = f"{found.field(column).type}, not {SCHEMA.field(column).type}"
            raise _damaged(name, f"column {column} has type {kinds}")


def _check_rows(day: date, table: pa.Table, name: str) -> None:
    for column, _, nullable in COLUMNS:
        if not nullable and table[column].null_count:
            raise _damaged(name, f"column {column} has no value in {table[column].null_count} rows")
    for column, known in (("state", State), ("rendition", Rendition)):
        unknown = set(table[column].unique().to_pylist()) - {member.value for member in known}
        if unknown:
            raise _damaged(name, f"column {column} has unknown values: {sorted(unknown)[:3]!a}")
    if len(table):
        span = pc.min_max(table["created_at"]).as_py()
        if {day_of(span["min"]), day_of(span["max"])} != {day}:
            raise _damaged(name, "it has rows of another day")
    for row in _rows_of(table.filter(pc.is_valid(table["earlier_images"]))):
        try:
            copies_of(row)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _damaged(name, f"earlier_images of {row.output_id[:40]!a} cannot be read") from None
    keys = pc.binary_join_element_wise(table["output_id"], table["rendition"], "/")
    if pc.count_distinct(keys).as_py() != len(table):
        raise _damaged(name, "it has two rows for the same output and rendition")


def _damaged(name: str, why: str, hint: str = RESTORE) -> PartitionDamaged:
    return PartitionDamaged(f"{name} cannot be read: {why}", hint=hint)


def _rows_of(table: pa.Table) -> Iterator[Row]:
    for values in zip(*map(_python_values, table.columns), strict=True):
        yield Row(**dict(zip(_NAMES, values, strict=True)))


def _python_values(column: pa.ChunkedArray) -> list[Any]:
    if not pa.types.is_timestamp(column.type):
        return column.to_pylist()  # type: ignore[no-any-return]
    # Three times as fast as attaching the zone in Arrow, and every instant shares one zone object.
    naive = column.cast(pa.timestamp("us")).to_pylist()
    return [None if instant is None else instant.replace(tzinfo=UTC) for instant in naive]
