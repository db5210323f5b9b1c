"""Checks the images of one day against their rows, at one of three levels."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from ...errors import ArchiveDamaged, ArchiveTooNew, ConfigurationError, ObjectInArchiveClass, StoreUnavailable
from ...model.finding import Finding, Kind
from ...model.manifest import Row, RowKey
from ...model.object_keys import Layout
from ...model.row_fixity import last_checked
from ..ports import BucketPorts, Listed, Partition
from ..resilience.together import together
from .budget import Meter
from .expected import Expected, drop_named, expected_of, fixity_of, is_checkable, is_nameless
from .row_change import RowChange
from .schedule import Visit, believed
from .stored_bytes import Seen, StoredBytes

ROWS_AT_ONCE = 256
"""Rows whose images are checked together. Their results are committed together, too."""
FAILURES_IN_A_ROW = 16
"""If so many images cannot be read one after another, the store is down or refuses everything, and the verify ends."""


class Level(StrEnum):
    """How closely the stored images are looked at."""

    LISTING = "listing"
    CHECKSUM = "checksum"
    CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Wrong:
    """An image that is not what its row says. `seen`: None if there is no object."""

    expected: Expected
    kind: Kind
    seen: Seen | None

    def finding(self) -> Finding:
        row = self.expected.row
        return Finding(self.kind, self.expected.key, *row.key, self.expected.describe(self.seen))


@dataclass(frozen=True, slots=True)
class RowResult:
    """What the check of one row found. `read`: bytes. `unread`: why an image could not be checked. `unknown`: the store keeps no
    SHA-256 of an image.
    """

    row: Row
    wrong: tuple[Wrong, ...] = ()
    is_nameless: bool = False
    read: int = 0
    unread: str = ""
    unknown: bool = False

    @property
    def is_intact(self) -> bool:
        return not (self.wrong or self.is_nameless or self.unread)


@dataclass(slots=True)
class DayPart:
    """Results of some rows of a day. `damaged`: why its partition cannot be read. `unnamed`: objects that no row names."""

    day: date
    results: list[RowResult] = field(default_factory=list)
    damaged: str = ""
    unread: str = ""
    unnamed: list[Listed] = field(default_factory=list)


class DayCheck:
    """Checks days. `expected_days`: those that must have a partition."""

    def __init__(
        self,
        ports: BucketPorts,
        layout: Layout,
        level: Level,
        stored: StoredBytes,
        meter: Meter,
        expected_days: Iterable[date] = (),
    ) -> None:
        self._began = ports.clock.now()
        self._ports, self._layout, self._level, self._stored, self._meter = ports, layout, level, stored, meter
        self._expected_days = {*expected_days}
        self._failures = 0

    async def parts(self, visit: Visit, left: list[datetime]) -> AsyncIterator[DayPart]:
        """Yield the results of a visit, some rows at a time. `left` receives the instant at which the first of the day's other
        rows was checked. Raises StoreUnavailable if the store is down, and ArchiveTooNew.
        """
        day = visit.day
        listed = {item.key: item async for item in self._ports.store.list(self._layout.images_of(day))}
        try:
            partition = await self._ports.manifest.load(day, expected=day in self._expected_days)
        except ArchiveTooNew:
            raise
        except ArchiveDamaged as error:
            yield DayPart(day, damaged=error.message)
            return
        except ConfigurationError as error:
            self._note_failure(error)
            yield DayPart(day, unread=_why(error))
            return
        due, later = list[tuple[datetime, RowKey, int]](), list[datetime]()
        unnamed = {key: item for key, item in listed.items() if self._layout.parse_image(key)}
        for row in partition.rows():
            if not is_checkable(row):
                continue
            images = expected_of(row, self._layout)
            drop_named(unnamed, row, self._layout)
            checked = believed(last_checked(row), self._began)
            if visit.includes(checked):
                due.append((checked, row.key, sum(each.copy.bytes or 0 for each in images)))
            elif visit.after is None or checked > visit.after:
                later.append(checked)
        due.sort()
        if later:
            left.append(min(later))
        if unnamed:
            yield DayPart(day, unnamed=list(unnamed.values()))
        for at in range(0, len(due), ROWS_AT_ONCE):
            some = [key for _, key, size in due[at : at + ROWS_AT_ONCE] if self._meter.take(size)]
            rows = [found for key in some if (found := partition.get(key)) is not None]
            if rows:
                yield DayPart(day, await self._checked(day, rows, listed))
            if self._meter.spent:
                return

    async def _checked(self, day: date, rows: list[Row], listed: Mapping[str, Listed]) -> list[RowResult]:
        results = await together(self.row(row, listed) for row in rows)
        if all(not result.wrong and not result.is_nameless for result in results):
            return results
        # Another run may have stored or replaced images since the rows were read.
        fresh = await self._ports.manifest.load(day)
        return [result for result in results if not _is_outdated(result, fresh)]

    async def row(self, row: Row, listed: Mapping[str, Listed]) -> RowResult:
        """Check every stored image of a row."""
        result = RowResult(row, is_nameless=is_nameless(row, self._layout))
        for each in expected_of(row, self._layout):
            try:
                seen = await self._look(each, listed.get(each.key))
                kind = each.what_is_wrong(seen)
                if kind is not None:
                    # A response may be wrong, too: what is named wrong was seen twice.
                    seen = await self._look(each, None)
                    kind = each.what_is_wrong(seen)
            except (StoreUnavailable, ConfigurationError) as error:
                self._note_failure(error)
                result = replace(result, unread=f"{each.key}: {_why(error)}")
                continue
            self._failures = 0
            read = seen.size if seen and self._level is Level.CONTENT else 0
            unknown = self._level is Level.CHECKSUM and seen is not None and seen.sha256 is None
            result = replace(result, read=result.read + read, unknown=result.unknown or unknown)
            if kind is not None:
                result = replace(result, wrong=(*result.wrong, Wrong(each, kind, seen)))
        return result

    async def _look(self, expected: Expected, item: Listed | None) -> Seen | None:
        if self._level is Level.CONTENT:
            return await self._stored.seen(expected.key)
        if self._level is Level.CHECKSUM:
            return await self._stored.kept(expected.key)
        if item is not None:
            return Seen(item.size)
        # Some stores list a new object only after a delay.
        return await self._stored.size(expected.key)

    def _note_failure(self, error: StoreUnavailable | ConfigurationError) -> None:
        """Count it. One object may be refused alone (a key or a policy that covers others), or be in an archive storage class."""
        if not isinstance(error, ObjectInArchiveClass):
            self._failures += 1
            if self._failures >= FAILURES_IN_A_ROW:
                raise error


def _why(error: StoreUnavailable | ConfigurationError) -> str:
    refused = isinstance(error, ConfigurationError) and not isinstance(error, ObjectInArchiveClass) and error.hint
    return f"{error.message}. To have it read: {error.hint}" if refused else error.message


def _is_outdated(result: RowResult, fresh: Partition) -> bool:
    """Whether a finding is about what the row no longer says."""
    if not result.wrong and not result.is_nameless:
        return False
    row = fresh.get(result.row.key)
    return row is None or fixity_of(row) != fixity_of(result.row)


def change_of_intact(result: RowResult, layout: Layout) -> RowChange:
    """What is written of a row whose images were all read and are intact."""
    images = expected_of(result.row, layout)
    uri = layout.uri(images[0].key) if images and images[0].is_current else None
    return RowChange(fixity_of(result.row), uri, verified=True)
