"""Images that the manifest holds and the bucket does not, or not in full: found by one listing a day, mended by a later run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from ...model.manifest import Row, RowKey, State
from ...model.object_keys import Layout
from ..ports import ObjectStore, Partition


@dataclass(frozen=True, slots=True)
class Lost:
    """What is wrong with an archived image; `uri` says which one was looked for."""

    uri: str
    reason: str


async def lost_images(store: ObjectStore, layout: Layout, partition: Partition) -> dict[RowKey, Lost]:
    """By key and size. What a row says lies outside of this archive is not looked for."""
    sizes = {layout.uri(item.key): item.size async for item in store.list(layout.images_of(partition.day))}
    lost: dict[RowKey, Lost] = {}
    for row in partition.rows():
        if row.state != State.ARCHIVED or row.uri is None or not row.uri.startswith(layout.uri(layout.images)):
            continue
        size = sizes.get(row.uri)
        if size is None:
            lost[row.key] = Lost(
                row.uri, f"archived, and lost from the bucket ({row.bytes} bytes, SHA-256 {row.sha256})"
            )
        elif size != row.bytes:
            lost[row.key] = Lost(
                row.uri, f"archived with {row.bytes} bytes (SHA-256 {row.sha256}); the bucket has {size}"
            )
    return lost


def as_failed(lost: dict[RowKey, Lost], now: datetime) -> Callable[[Row], Row]:
    """Makes the lost rows `failed` and due at once, unless another run has copied them again meanwhile."""

    def change(row: Row) -> Row:
        found = lost.get(row.key)
        if found is None or row.uri != found.uri or row.state != State.ARCHIVED:
            return row
        return replace(
            row,
            state=State.FAILED,
            error=found.reason,
            uri=None,
            sha256=None,
            content_type=None,
            bytes=None,
            archived_at=None,
            verified_at=None,
            attempts=0,
            attempted_at=row.attempted_at or now,
        )

    return change
