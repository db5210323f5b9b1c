"""Images that the manifest holds and the bucket does not, or not in full: found by one listing per day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ...model import row_lifecycle
from ...model.manifest import Row, RowKey, State
from ...model.object_keys import Layout
from ..ports import ObjectStore, Partition


@dataclass(frozen=True, slots=True)
class Missing:
    """What is wrong with a stored image; `uri` says which one was looked for."""

    uri: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImageCheck:
    """A day's images, held against the bucket's listing by key and size.

    `checked`: how many were looked for. `missing`: those that are not there whole. `found`: those that are, though their row
    says otherwise (lost once, or at an address where the archive no longer is), with the address where they are.
    """

    checked: int = 0
    missing: dict[RowKey, Missing] = field(default_factory=dict)
    found: dict[RowKey, str] = field(default_factory=dict)

    def applied(self, now: datetime) -> Callable[[Row], Row]:
        """Marks these rows, unless another run has stored their image again in the meantime."""

        def change(row: Row) -> Row:
            lost = self.missing.get(row.key)
            if lost is not None and row.uri == lost.uri and row.state == State.ARCHIVED:
                return row_lifecycle.missing(row, now, lost.reason)
            where = self.found.get(row.key)
            return row if where is None or row.uri is None else row_lifecycle.found(row, now, where)

        return change


async def check_images(store: ObjectStore, layout: Layout, partition: Partition) -> ImageCheck:
    """Look for every stored image of the day. A row's address is resolved within this archive, wherever it was written."""
    sizes = {item.key: item.size async for item in store.list(layout.images_of(partition.day))}
    check, checked = ImageCheck(), 0
    for row in partition.rows():
        if row.uri is None:
            continue
        checked += 1
        key = layout.own_image(row.uri)
        size = sizes.get(key) if key else None
        if key is not None and size == row.bytes:
            if row.state == State.LOST or row.uri != layout.uri(key):
                check.found[row.key] = layout.uri(key)
        elif row.state == State.ARCHIVED:
            there = "it is not in the bucket" if size is None else f"the bucket has {size} bytes of it"
            reason = f"archived with {row.bytes} bytes (SHA-256 {row.sha256}), and {there}"
            check.missing[row.key] = Missing(row.uri, reason)
    return ImageCheck(checked, check.missing, check.found)
