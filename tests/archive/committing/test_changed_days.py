"""Changed days: what was known, found, and is there now, in words that add up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.archive.committing.changed_days import ASKED, changed_days, with_what_is_there_now
from stablecog_provider.archive.committing.inventory import Inventory
from stablecog_provider.archive.ports import Listed
from stablecog_provider.archive.reports.changed import ChangedDay, Held, changed_in_words
from stablecog_provider.model.partition_summary import ImageCounts, PartitionSummary
from support.scene import LAYOUT

DAY = date(2026, 11, 2)
WRITTEN = datetime(2026, 11, 5, 8, tzinfo=UTC)


class Store(MemoryObjectStore):
    """Knows when its objects were written, and counts how often it is asked."""

    asked = 0

    async def head(self, key: str) -> Listed | None:
        self.asked += 1
        return Listed(key, 1, "v", WRITTEN) if key == LAYOUT.partition(DAY) else None


def holding(outputs: int, images: int) -> PartitionSummary:
    return PartitionSummary("v", live=outputs, images=ImageCounts(archived=images))


async def test_a_changed_day_says_since_when_and_what_was_healed() -> None:
    inventory = Inventory({DAY: holding(10, 9)}, changed=(DAY,))
    changed = await changed_days(Store(), LAYOUT, inventory, {DAY: holding(12, 12)})
    changed = with_what_is_there_now(changed, {DAY: holding(12, 12)})
    assert changed == (ChangedDay(DAY, WRITTEN, Held(12, 12), Held(10, 9), Held(12, 12)),)
    assert changed_in_words(changed)[1:] == [
        "  2026-11-02, written at 2026-11-05 08:00:00Z: 12 outputs and 12 images were known, 10 outputs and 9 images were found, "
        "12 outputs and 12 images are there now. Healed: 2 outputs and 3 images."
    ]


async def test_what_was_not_healed_is_not_called_healed() -> None:
    inventory = Inventory({DAY: holding(10, 10)}, changed=(DAY,))
    changed = await changed_days(MemoryObjectStore(), LAYOUT, inventory, {})
    (line,) = changed_in_words(with_what_is_there_now(changed, {DAY: holding(10, 10)}))[1:]
    assert line == "  2026-11-02: 0 outputs and 0 images were known, 10 outputs and 10 images were found."


async def test_of_many_changed_days_the_store_is_asked_for_some() -> None:
    days = tuple(DAY + timedelta(days=number) for number in range(ASKED + 30))
    store = Store()
    changed = await changed_days(store, LAYOUT, Inventory(changed=days), {})
    assert (len(changed), store.asked) == (len(days), ASKED)
    assert changed_in_words(changed)[-1] == f"  ... and {len(days) - 5} more."
