"""What became of the manifest since it was last counted: one listing tells, whatever the archive's size.

The checkpoint names each partition's object by its version. A partition that is gone is refused: its rows may be the only
record of what the source has deleted. One that is another (another tool, a crash before the checkpoint, a run that goes on at the
same time) is read, checked as strictly as ever, and counted anew; whether the new count is right is for the proof to say.
"""

from __future__ import annotations

from datetime import date

from ...errors import ArchiveDamaged
from ...model.object_keys import Layout
from ..ports import Manifest
from .commit import Committer
from .ledger import KEPT_PARTITIONS


async def take_inventory(manifest: Manifest, committer: Committer, layout: Layout) -> None:
    """Count again what has changed. Raises ArchiveDamaged if a partition is missing or cannot be read."""
    known = committer.checkpoint
    found = await manifest.versions()
    missing = sorted({*known.versions, *(day for day, count in known.days.items() if count)} - {*found})
    if missing:
        raise missing_partitions(layout, missing)
    changed = [day for day, version in found.items() if known.versions.get(day) != version]
    for at in range(0, len(changed), KEPT_PARTITIONS):
        await committer.restate(changed[at : at + KEPT_PARTITIONS])


def missing_partitions(layout: Layout, days: list[date]) -> ArchiveDamaged:
    more = f" and {len(days) - 1} more" if len(days) > 1 else ""
    return ArchiveDamaged(
        f"{layout.uri(layout.partition(days[0]))}{more} is missing, and the checkpoint counts on it",
        hint="restore the object (an earlier version, a backup), or run `stablecog-archive rebuild`: the next run then "
        "reads the day again, and what the source has deleted since is lost from the manifest; images are untouched",
    )
