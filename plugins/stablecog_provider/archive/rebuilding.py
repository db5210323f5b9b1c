"""What the partitions of a manifest hold, read one by one for a rebuild."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from ..errors import ArchiveDamaged, ArchiveTooNew
from ..model.checkpoint import Checkpoint
from ..model.object_keys import Layout
from ..model.partition_summary import PartitionSummary
from ..model.row_lifecycle import is_live
from ..model.times import BEGINNING
from .committing.inventory import expected_days
from .ports import Ports, Progress, ProgressListener


@dataclass(slots=True)
class Partitions:
    """What the partitions hold, and those that cannot be read. `elsewhere`: days with rows whose image is named in another place
    than this; looked for only if there is no checkpoint to tell. `forgotten`: partitions in which something was forgotten again.
    """

    summaries: dict[date, PartitionSummary] = field(default_factory=dict)
    newest: datetime = BEGINNING
    damaged: dict[date, ArchiveDamaged] = field(default_factory=dict)
    elsewhere: set[date] = field(default_factory=set)
    forgotten: dict[date, PartitionSummary] = field(default_factory=dict)

    @property
    def live(self) -> dict[date, int]:
        return {day: each.live for day, each in self.summaries.items()}


async def read_partitions(
    ports: Ports, layout: Layout, before: Checkpoint | None, on_progress: ProgressListener
) -> Partitions:
    """Read every partition, one at a time. Raises ArchiveTooNew, because a newer version is not damage."""
    found = Partitions()
    listed = {*await ports.manifest.versions()}
    # Some stores list a new object only after a delay.
    days = sorted(listed.union(expected_days(before) if before else ()))
    for number, day in enumerate(days):
        on_progress(Progress(done=number, planned=len(days), stage="reading the manifest"))
        try:
            partition = await ports.manifest.load(day)
            if day in listed and not partition.version:
                # Seen with some stores: one 404 for an object that is there.
                partition = await ports.manifest.load(day)
        except ArchiveTooNew:
            raise
        except ArchiveDamaged as error:
            found.damaged[day] = error
            continue
        if not partition.version:
            # Removed: some stores list an object for a while after that.
            continue
        found.summaries[day] = partition.summary()
        if before is None and any(_is_elsewhere(layout, row.uri) for row in partition.rows()):
            found.elsewhere.add(day)
        if found.summaries[day].live:
            found.newest = max(row.created_at for row in partition.rows() if is_live(row))
    return found


def _is_elsewhere(layout: Layout, uri: str | None) -> bool:
    return uri is not None and ((key := layout.own_image(uri)) is None or uri != layout.uri(key))
