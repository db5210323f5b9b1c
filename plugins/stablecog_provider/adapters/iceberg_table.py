"""The manifest as an Iceberg table, by pyiceberg, which finds the catalogue in its own configuration.

The table property `PUBLISHED` has the version of each partition. It is changed in the same commit as the rows. The newest
snapshot and the property `PUBLISH` name the same publish. If they do not, the table was rolled back or changed by others, and
everything is published again. Snapshots that only rewrite files (compaction) are looked through.

pyiceberg's own retries are off: it would apply a commit to a state that `published` has not seen.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from typing import Any, TypeVar

import pyarrow as pa
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import CommitFailedException, NamespaceAlreadyExistsError, NoSuchTableError
from pyiceberg.expressions import In
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation
from pyiceberg.transforms import IdentityTransform

from ..archive.ports import Conflict, Partition
from ..archive.publishing.ports import Expired
from ..errors import ArchiveError, ConfigurationError, StoreUnavailable
from ..model.object_keys import Layout
from .parquet_partition import SCHEMA, ParquetPartition, table_of
from .redaction import one_line

ARCHIVE, PUBLISHED, PUBLISH, EXPIRE = (f"stablecog.{name}" for name in ("archive", "published", "publish", "expire"))
PARTITIONS = "stablecog.partitions"
"""Of a snapshot: the version of each partition that it published."""
OWN_SCHEMA = pa.schema([pa.field("dt", pa.date32(), nullable=False), *SCHEMA])
PROPERTIES = {
    "format-version": "2",
    "commit.retry.num-retries": "0",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "10",
}

T = TypeVar("T")


class IcebergTable:
    """Port `PublishedTable`. `properties`: of the catalogue, beside its configuration."""

    def __init__(self, layout: Layout, catalog: str, table: str, **properties: str) -> None:
        self.name = f"{catalog}:{table}"
        self._layout, self._catalog_name, self._identifier, self._properties = layout, catalog, table, properties
        self._table: Table | None = None
        self._known: dict[date, str] = {}

    async def published(self) -> Mapping[date, str]:
        self._known = await self._called(self._published)
        return self._known

    async def replace(self, partitions: Sequence[Partition], *, forgotten: bool) -> None:
        await self._called(lambda: self._replace(partitions, forgotten=forgotten))

    async def must_expire(self) -> bool:
        return await self._called(lambda: self._opened().properties.get(EXPIRE) == "true")

    async def expire(self) -> Expired:
        return await self._called(self._expire)

    async def _called(self, act: Callable[[], T]) -> T:
        def called() -> T:
            with self._translated():
                return act()

        return await asyncio.to_thread(called)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (ArchiveError, Conflict):
            raise
        except CommitFailedException as error:
            raise Conflict(str(error)) from None
        except Exception as error:
            # Catalogues raise what their clients raise, so no list would be complete.
            reason = one_line(str(error))[:300] or type(error).__name__
            raise StoreUnavailable(
                f"the Iceberg table {self.name} cannot be used: {reason}",
                hint="check the catalogue in pyiceberg's configuration and the access to its warehouse; publishing again is safe",
            ) from error

    def _opened(self) -> Table:
        """Return the table in its newest state."""
        if self._table is None:
            self._table = self._found()
        self._table.refresh()
        return self._table

    def _found(self) -> Table:
        try:
            catalog = load_catalog(self._catalog_name, **self._properties)
        except ValueError as error:
            raise ConfigurationError(
                f"the catalogue {self._catalog_name} cannot be opened: {one_line(str(error))[:300]}",
                hint="describe it in .pyiceberg.yaml or in PYICEBERG_CATALOG__* variables",
            ) from None
        try:
            table = catalog.load_table(self._identifier)
        except NoSuchTableError:
            namespace = self._identifier.rpartition(".")[0]
            if not catalog.namespace_exists(namespace):
                with suppress(NamespaceAlreadyExistsError):
                    catalog.create_namespace(namespace)
            properties = {**PROPERTIES, ARCHIVE: str(self._layout)}
            creating = catalog.create_table_transaction(self._identifier, OWN_SCHEMA, properties=properties)
            with creating, creating.update_spec() as spec:
                spec.add_field("dt", IdentityTransform(), "dt")
            table = catalog.load_table(self._identifier)
        owner = table.properties.get(ARCHIVE)
        if owner != str(self._layout):
            raise ConfigurationError(
                f"the table {self.name} {f'belongs to the archive {owner}' if owner else 'was not made by publish'}",
                hint="name another table; publish creates it",
            )
        return table

    def _published(self) -> dict[date, str]:
        table = self._opened()
        if table.properties.get(PUBLISH, "") != _newest_publish(table):
            return {}
        found = json.loads(table.properties.get(PUBLISHED, "{}"))
        return {date.fromisoformat(day): version for day, version in found.items()}

    def _replace(self, partitions: Sequence[Partition], *, forgotten: bool) -> None:
        table = self._table
        assert table is not None, "published() comes first"  # noqa: S101
        token, now = uuid.uuid4().hex, {each.day: each.version for each in partitions}
        rows = pa.concat_tables([_rows(each) for each in partitions])
        properties = {
            PUBLISH: token,
            PUBLISHED: _document({**self._known, **now}),
            "commit.retry.num-retries": "0",
            **({EXPIRE: "true"} if forgotten else {}),
        }
        with table.transaction() as changing:
            if _lacks(table.schema()):
                with changing.update_schema() as schema:
                    schema.union_by_name(OWN_SCHEMA)
            if table.current_snapshot() is not None:
                of_days = In("dt", set(now))  # type: ignore[call-arg, arg-type] # mypy sees pydantic's constructor
                changing.delete(of_days, snapshot_properties={PUBLISH: f"{token} begun"})
            changing.append(rows, snapshot_properties={PUBLISH: token, PARTITIONS: _document(now)})
            changing.set_properties(properties)

    def _expire(self) -> Expired:
        table = self._opened()
        kept = {ref.snapshot_id for ref in table.metadata.refs.values()}
        doomed = [each for each in table.metadata.snapshots if each.snapshot_id not in kept]
        in_use = set[str]()
        for snapshot in table.metadata.snapshots:
            if snapshot.snapshot_id in kept:
                in_use.update(_files(table, snapshot))
        # Before the commit: if this is killed, the next publish finds by the snapshots what is left.
        deleted = set[str]()
        for snapshot in doomed:
            for path in _files(table, snapshot):
                if path not in in_use and path not in deleted:
                    _delete(table, path)
                    deleted.add(path)
        if doomed:
            table.maintenance.expire_snapshots().by_ids([each.snapshot_id for each in doomed]).commit()
        with self._opened().transaction() as changing:
            changing.set_properties({EXPIRE: "true" if len(kept) > 1 else "false"})
        return Expired(len(doomed), len(deleted), len(kept) - 1)


def _newest_publish(table: Table) -> str:
    """Return the publish that wrote the rows; another text if others have changed them since."""
    snapshot = table.current_snapshot()
    while snapshot is not None:
        summary = snapshot.summary
        if summary is None or (PUBLISH not in summary.additional_properties and summary.operation != Operation.REPLACE):
            return "another program"
        if PUBLISH in summary.additional_properties:
            return str(summary.additional_properties[PUBLISH])
        snapshot = table.snapshot_by_id(snapshot.parent_snapshot_id) if snapshot.parent_snapshot_id else None
    return ""


def _rows(partition: Partition) -> pa.Table:
    found = partition.table if isinstance(partition, ParquetPartition) else table_of(partition.rows())
    days = pa.array([partition.day] * len(found), pa.date32())
    return pa.Table.from_arrays([days, *found.columns], schema=OWN_SCHEMA)


def _lacks(schema: Schema) -> bool:
    return not {*OWN_SCHEMA.names} <= {*schema.column_names}


def _document(versions: Mapping[date, str]) -> str:
    return json.dumps({day.isoformat(): version for day, version in sorted(versions.items())})


def _files(table: Table, snapshot: Any) -> Iterator[str]:
    """Yield the files that a snapshot needs, what they are listed in last. Those that were deleted before are left out."""
    try:
        manifests = snapshot.manifests(table.io)
    except FileNotFoundError:
        return
    for manifest in manifests:
        try:
            yield from (entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io))
        except FileNotFoundError:
            continue
        yield manifest.manifest_path
    yield snapshot.manifest_list


def _delete(table: Table, path: str) -> None:
    try:
        table.io.delete(path)
    except FileNotFoundError:
        return
