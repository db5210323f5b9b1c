"""What is due longest is tried first, so that images which never come cannot hold back the others behind a host's outage."""

from __future__ import annotations

from datetime import date, timedelta

from stablecog_provider.adapters.memory import FixedClock, MemoryObjectStore
from stablecog_provider.archive.committing.ledger import Fetch, Ledger
from stablecog_provider.archive.listing.gaps import due_days
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.coverage import Axis
from stablecog_provider.model.manifest import State
from stablecog_provider.model.partition_summary import PartitionSummary
from support.manifests import TODAY, a_manifest
from support.rows import DAY, a_row, minute

NOW = DAY + timedelta(days=3)


def test_of_days_the_one_that_is_due_longest_comes_first() -> None:
    dues = {1: 5, 2: 3, 3: None, 4: 4, 5: 60 * 24 * 9}
    partitions = {
        date(2026, 11, day): PartitionSummary(live=1, due=None if due is None else minute(due))
        for day, due in dues.items()
    }
    checkpoint = Checkpoint(source="s", axis=Axis.COMPLETED, partitions=partitions)
    assert [day.day for day in due_days(checkpoint, NOW, everything=False)] == [2, 4, 1]
    assert [day.day for day in due_days(checkpoint, NOW, everything=True)] == [2, 4, 1, 5]


async def test_of_a_day_the_image_that_is_due_longest_comes_first() -> None:
    manifest = a_manifest(MemoryObjectStore())
    tried = {"a": (3, 2), "b": (1, 5), "c": (0, None), "d": (1, 3)}
    rows = [
        a_row(
            output_id,
            state=State.FAILED,
            first_seen_at=minute(9),
            last_seen_at=minute(9),
            attempts=attempts,
            attempted_at=None if at is None else minute(at),
            attempted_url=f"https://b.stablecog.com/{output_id}.jpeg",
        )
        for output_id, (attempts, at) in tried.items()
    ]
    await manifest.merge(TODAY, rows)
    entries = await Ledger(manifest, FixedClock(NOW), "r").due(TODAY)
    # c was never tried; d and b rest for an hour, a for four.
    assert [entry.row.output_id for entry in entries if isinstance(entry, Fetch)] == ["c", "d", "b", "a"]
