"""The registers of models and schedulers as Parquet in an object store, each one object, replaced by compare-and-swap.

Reading is strict, as for partitions: a file that another program wrote is refused, since the next merge would drop what it has.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..archive.naming.ports import Kind
from ..archive.ports import Absent, Conflict, ObjectStore, Stored, Unchanged
from ..archive.resilience.retry import RetryPolicy, Sleep
from ..errors import ArchiveDamaged, ArchiveTooNew, StoreUnavailable
from ..model.object_keys import Layout
from ..model.register import MODEL_COLUMNS, SCHEDULER_COLUMNS, Name, Register, Registered
from ..model.times import format_instant, parse_instant
from .parquet_manifest import CONTENT_TYPE
from .parquet_partition import ARROW

VERSION_KEY, LISTED_KEY = b"stablecog.register_version", b"stablecog.listed_at"
VERSION = 1
RACES = RetryPolicy(
    attempts=2, refusals=8, refusal=Conflict, patience=20.0, first_wait=0.05, longest_wait=1.0, jitter=0.2,
    on=(Conflict, StoreUnavailable),
)  # fmt: skip
"""Few: the next run merges the names as well."""
COLUMNS = {Kind.MODELS: MODEL_COLUMNS, Kind.SCHEDULERS: SCHEDULER_COLUMNS}
RESTORE = "restore an earlier version of the object, or delete it: the next run begins it again, with what the source lists today"


class ParquetRegisters:
    """Port `Registers`. Tests replace `retries` and `sleep` (seconds)."""

    def __init__(
        self, store: ObjectStore, layout: Layout, *, retries: RetryPolicy = RACES, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._store, self._layout, self._retries, self._sleep = store, layout, retries, sleep

    async def load(self, kind: Kind) -> Register:
        """Return the register; an empty one if there is none. Raises ArchiveDamaged and ArchiveTooNew."""
        return self._read(kind, await self._store.get(self._key(kind)))

    async def update(self, kind: Kind, change: Callable[[Register], Register]) -> Register:
        """Save `change(what the bucket holds)`. Raises StoreUnavailable after too many lost races."""

        async def once() -> Register:
            # After a write of unknown outcome, this reads first; if it landed, nothing is left to write.
            stored = await self._store.get(self._key(kind))
            known = self._read(kind, stored)
            wanted = change(known)
            if wanted != known:
                condition = Unchanged(stored.version) if stored else Absent()
                body = table_bytes(kind, wanted)
                await self._store.put(self._key(kind), body, content_type=CONTENT_TYPE, condition=condition)
            return wanted

        try:
            return await self._retries.call(once, self._sleep)
        except Conflict:
            raise StoreUnavailable(
                f"{self._uri(kind)} was changed by other runs {self._retries.refusals} times while this run tried to write it"
            ) from None

    def _read(self, kind: Kind, stored: Stored | None) -> Register:
        return Register() if stored is None else read_register(kind, stored.body, self._uri(kind))

    def _key(self, kind: Kind) -> str:
        return self._layout.register(kind)

    def _uri(self, kind: Kind) -> str:
        return self._layout.uri(self._key(kind))


def table_bytes(kind: Kind, register: Register) -> bytes:
    """The register as a Parquet file, sorted by id."""
    rows = [_row(register.entries[key]) for key in sorted(register.entries)]
    metadata = {VERSION_KEY: str(VERSION).encode()}
    if register.listed_at is not None:
        metadata[LISTED_KEY] = format_instant(register.listed_at).encode()
    schema = schema_of(kind).with_metadata(metadata)
    columns = [pa.array([row[each.name] for row in rows], each.type) for each in schema]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def schema_of(kind: Kind) -> pa.Schema:
    return pa.schema([pa.field(name, ARROW[of], nullable=nullable) for name, of, nullable in COLUMNS[kind]])


def read_register(kind: Kind, body: bytes, name: str) -> Register:
    """Read a register from its object's bytes; errors call it `name`. Raises ArchiveDamaged and ArchiveTooNew."""
    try:
        file = pq.ParquetFile(pa.BufferReader(body), page_checksum_verification=True)
        metadata = file.schema_arrow.metadata or {}
        _check(kind, file.schema_arrow, metadata, name)
        rows = file.read(use_threads=False).to_pylist()
        entries = [_entry(row) for row in rows]
        listed_at = parse_instant(metadata[LISTED_KEY].decode("ascii")) if LISTED_KEY in metadata else None
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(name, f"it is no register of {kind} ({type(error).__name__}: {str(error)[:120]})") from None
    if len({entry.id for entry in entries}) != len(entries):
        raise _damaged(name, "it has an id twice")
    return Register({entry.id: entry for entry in entries}, listed_at)


def _check(kind: Kind, found: pa.Schema, metadata: dict[bytes, bytes], name: str) -> None:
    version = metadata.get(VERSION_KEY, b"").decode("ascii", "replace")
    if not version.isdecimal():
        raise _damaged(name, f"its metadata has no {VERSION_KEY.decode()}: another program wrote it")
    if int(version) > VERSION:
        raise ArchiveTooNew(
            f"{name} cannot be read: it has version {version}, but this program supports up to {VERSION}"
        )
    wanted = schema_of(kind)
    if foreign := [column for column in found.names if column not in wanted.names]:
        raise _damaged(name, f"it has columns of another program, which a merge would drop: {', '.join(foreign)[:120]}")
    for field in wanted:
        if found.names.count(field.name) != 1 or found.field(field.name).type != field.type:
            raise _damaged(name, f"its column {field.name} is missing, exists twice or has another type")


def _row(entry: Registered) -> dict[str, Any]:
    names = [{"name": each.text, "last_seen_at": format_instant(each.last_seen_at)} for each in entry.names]
    return {
        "id": entry.id,
        "name": entry.name,
        "is_default": entry.is_default,
        "default_width": entry.default_width,
        "default_height": entry.default_height,
        "first_seen_at": entry.first_seen_at,
        "last_seen_at": entry.last_seen_at,
        "retired_at": entry.retired_at,
        "names": json.dumps(names) if names else None,
    }


def _entry(row: dict[str, Any]) -> Registered:
    """Raises ValueError, KeyError, TypeError or AttributeError if the row is not one of ours."""
    names = [Name(str(each["name"]), parse_instant(each["last_seen_at"])) for each in json.loads(row["names"] or "[]")]
    return Registered(
        id=_text(row["id"]),
        first_seen_at=_instant(row["first_seen_at"]),
        last_seen_at=_instant(row["last_seen_at"]),
        names=tuple(names),
        is_default=row.get("is_default"),
        default_width=row.get("default_width"),
        default_height=row.get("default_height"),
        retired_at=None if row["retired_at"] is None else _instant(row["retired_at"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("an id is missing")
    return value


def _instant(value: Any) -> datetime:
    return value.astimezone(UTC)  # type: ignore[no-any-return]


def _damaged(name: str, why: str) -> ArchiveDamaged:
    return ArchiveDamaged(f"{name} cannot be read: {why}", hint=RESTORE)
