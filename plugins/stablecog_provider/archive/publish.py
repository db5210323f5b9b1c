"""Publish the manifest to a table beside the archive, such as an Iceberg table. The archive itself is only read.

The table's own commits say which version of each partition it holds. So a publish writes what differs, whenever the last one was,
and one that was killed is continued by the next: a commit happens as a whole or not at all, and files without a commit belong to
no table. The state is read before the partitions, and a commit is refused if the table has changed since: then it is read again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from ..errors import ConfigurationError, StoreUnavailable
from ..model.object_keys import Layout
from ..model.partition_summary import PartitionSummary
from .committing.checkpoint_file import CheckpointFile
from .ports import Conflict, Partition, Progress, ProgressListener
from .publishing.ports import Expired, PublishPorts
from .reports.publish import PublishReport

MAX_LOST_RACES = 10
ROWS_AT_ONCE = 200_000
"""From so many rows on, a commit is made. Bounds memory and what a killed publish repeats."""
DAYS_AT_ONCE = 31

T = TypeVar("T")


# Without slots, so that a default can be read as a class attribute, as of ArchiveSettings.
@dataclass(frozen=True)
class PublishSettings:
    """What one publish does. Raises ConfigurationError if a value cannot be used.

    - `layout`: the bucket and the prefix of the archive.
    - `catalog`: the name of a catalogue in pyiceberg's configuration.
    - `table`: namespace and name of the table, for example `db.outputs`. It is created if it does not exist.
    """

    layout: Layout
    catalog: str
    table: str

    def __post_init__(self) -> None:
        if not self.catalog:
            raise ConfigurationError("catalog is empty", hint="name a catalogue of pyiceberg's configuration")
        if not all(self.table.split(".")) or "." not in self.table:
            raise ConfigurationError(
                f"table {self.table!r} is not a namespace and a name", hint="write it as db.outputs"
            )


@dataclass(slots=True)
class _Tally:
    """What one publish has done so far."""

    days: set[date] = field(default_factory=set)
    rows: int = 0
    forgotten: int = 0
    missing: tuple[date, ...] = ()
    total: int = 0
    commits: int = 0


async def publish(
    ports: PublishPorts, settings: PublishSettings, on_progress: ProgressListener | None = None
) -> PublishReport:
    """Publish every partition that the table lacks or holds in another version. Raises ArchiveError; what was committed stays."""
    notify: ProgressListener = on_progress or (lambda _: None)
    started, layout, tally = ports.clock.now(), settings.layout, _Tally()
    checkpoint = await CheckpointFile(ports.store, layout).load()
    if checkpoint is None:
        raise ConfigurationError(
            f"there is no archive at {layout} (no checkpoint.json)",
            hint="check the address; the first `stablecog-archive run` creates an archive",
        )
    while await _again_after_a_race(settings, lambda: _publish_some(ports, checkpoint.partitions, tally, notify)):
        pass
    expired = Expired()
    if await ports.table.must_expire():
        expired = await _again_after_a_race(settings, ports.table.expire)
    return PublishReport(
        archive=str(layout),
        table=ports.table.name,
        started_at=started,
        finished_at=ports.clock.now(),
        days=tuple(sorted(tally.days)),
        rows=tally.rows,
        commits=tally.commits,
        total=tally.total,
        missing=tally.missing,
        forgotten=tally.forgotten,
        expired_snapshots=expired.snapshots,
        deleted_files=expired.files,
        kept_snapshots=expired.kept,
        store_requests=ports.store.requests,
    )


async def _again_after_a_race(settings: PublishSettings, act: Callable[[], Awaitable[T]]) -> T:
    for _ in range(MAX_LOST_RACES):
        try:
            return await act()
        except Conflict:
            continue
    raise StoreUnavailable(
        f"{settings.table} in {settings.catalog} was changed by others {MAX_LOST_RACES} times while this publish tried to write"
    )


async def _publish_some(
    ports: PublishPorts, known: Mapping[date, PartitionSummary], tally: _Tally, notify: ProgressListener
) -> bool:
    """Make one commit. Returns whether there may be more to publish."""
    published = await ports.table.published()
    versions = await ports.manifest.versions()
    tally.total, tally.missing = len(versions), tuple(sorted({*published} - {*versions}))
    changed = [day for day, version in versions.items() if not _holds(published.get(day), version, known.get(day))]
    notify(Progress(done=len(versions) - len(changed), planned=len(versions), stage="publishing days"))
    partitions = await _loaded(ports, changed, published)
    if not partitions:
        return False
    forgotten = sum(len(each.forgotten_ids()) for each in partitions)
    await ports.table.replace(partitions, forgotten=forgotten > 0)
    tally.days |= {each.day for each in partitions}
    tally.rows += sum(map(len, partitions))
    tally.forgotten += forgotten
    tally.commits += 1
    return len(partitions) < len(changed)


def _holds(published: str | None, listed: str, known: PartitionSummary | None) -> bool:
    """Whether the published version is the listed one, which some gateways spell otherwise: the checkpoint knows how."""
    return published == listed or (known is not None and published == known.version and known.is_version(listed))


async def _loaded(ports: PublishPorts, days: list[date], published: Mapping[date, str]) -> list[Partition]:
    """Return the first of these partitions, of a bounded size, that are not published in the version that is read."""
    found: list[Partition] = []
    for day in days:
        partition = await ports.manifest.load(day, expected=True)
        # A listing may show an earlier version than the object that is read.
        if published.get(day) != partition.version:
            found.append(partition)
        if len(found) >= DAYS_AT_ONCE or sum(map(len, found)) >= ROWS_AT_ONCE:
            break
    return found
