"""Images that the manifest holds and the bucket does not, or not in full: found by one listing per day."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from ...errors import ConfigurationError
from ...model import row_lifecycle
from ...model.failure import Failure
from ...model.manifest import Row, RowKey, State
from ...model.object_keys import Layout
from ...model.partition_summary import PartitionSummary
from ..ports import Base, ObjectStore, Partition, Ports, Progress, ProgressListener

Announce = Callable[[Iterable[date]], Awaitable[None]]
"""Says durably which partitions are about to be written."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What is wrong with a stored image; `uri` is the object that was looked for."""

    uri: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """A stored image that is in the bucket at `uri`; the row names `was`."""

    was: str
    uri: str


@dataclass(frozen=True, slots=True)
class ImageCheck:
    """A day's images, held against the bucket's listing by key and size.

    `checked`: how many were looked for. `missing`: those that are not there whole. `found`: those that are, though their row
    says otherwise (lost once, or at an address where the archive no longer is), with the address where they are.
    `still_missing`: those that an earlier check has marked.
    """

    checked: int = 0
    missing: dict[RowKey, Missing] = field(default_factory=dict)
    found: dict[RowKey, Found] = field(default_factory=dict)
    still_missing: dict[RowKey, Missing] = field(default_factory=dict)

    def applied(self, now: datetime) -> Callable[[Row], Row]:
        """Marks these rows, unless another run has stored their image again in the meantime."""

        def change(row: Row) -> Row:
            lost = self.missing.get(row.key)
            if lost is not None and row.uri == lost.uri and row.state == State.ARCHIVED:
                return row_lifecycle.missing(row, now, lost.reason)
            seen = self.found.get(row.key)
            if seen is None or row.uri != seen.was:
                return row
            return row_lifecycle.found(row, now, seen.uri)

        return change


@dataclass(frozen=True, slots=True)
class ImagesLookedAt:
    """What looking for stored images in the bucket found. `checked`: None if nobody looked. `summaries`: of the partitions
    that were written for it; `bases`: what these have replaced.
    """

    checked: int | None = None
    found: int = 0
    lost: tuple[Failure, ...] = ()
    summaries: Mapping[date, PartitionSummary] = field(default_factory=dict)
    bases: Mapping[date, Base] = field(default_factory=dict)


async def look_for_images(
    ports: Ports, layout: Layout, days: Iterable[date], run_id: str, announce: Announce, on_progress: ProgressListener
) -> ImagesLookedAt:
    """Look for every stored image of these days. Those that are lost are marked, so that the next run copies them; those that
    are back are adopted again. `announce` is awaited before the first partition is written.
    """
    checked, found, lost = 0, 0, list[Failure]()
    summaries, bases = dict[date, PartitionSummary](), dict[date, Base]()
    days = sorted(days)
    for number, day in enumerate(days):
        on_progress(Progress(done=number, planned=len(days), stage="looking for images"))
        check = await check_images(ports.store, layout, await ports.manifest.load(day, expected=True))
        if check.missing or check.found:
            if not summaries:
                await announce(days[number:])
            amended = await ports.manifest.amend(day, check.applied(ports.clock.now()), run_id=run_id)
            summaries[day], bases[day] = amended.summary(), amended.base
        checked, found = checked + check.checked, found + len(check.found)
        lost += [Failure(*key, each.reason) for key, each in sorted({**check.missing, **check.still_missing}.items())]
    return ImagesLookedAt(checked, found, tuple(lost), summaries, bases)


async def check_images(store: ObjectStore, layout: Layout, partition: Partition) -> ImageCheck:
    """Look for every stored image of the day. A row's address is resolved within this archive, wherever it was written. Only
    images that are lost are read.
    """
    sizes = {item.key: item.size async for item in store.list(layout.images_of(partition.day))}
    check, checked = ImageCheck(), 0
    for row in partition.rows():
        if row.uri is None:
            continue
        checked += 1
        key = layout.own_image(row.uri)
        size = sizes.get(key) if key else None
        if key is not None and size != row.bytes and (item := await store.head(key)) is not None:
            # Some stores list a new object only after a delay.
            size = item.size
        # The right size is not enough: an image may be lost because its bytes were changed.
        wrong = await _wrong_with(store, key, row) if key and size == row.bytes and row.state == State.LOST else ""
        if key is not None and size == row.bytes and not wrong:
            if row.state == State.LOST or row.uri != layout.uri(key):
                check.found[row.key] = Found(row.uri, layout.uri(key))
        else:
            found = "not in the bucket" if size is None else f"its object in the bucket has {size} bytes"
            found += f", {wrong}" if wrong else ""
            reason = f"archived with {row.bytes} bytes (SHA-256 {row.sha256}), but {found}"
            missing = check.missing if row.state == State.ARCHIVED else check.still_missing
            missing[row.key] = Missing(row.uri, reason)
    return replace(check, checked=checked)


async def _wrong_with(store: ObjectStore, key: str, row: Row) -> str:
    """Return why the object of a lost image does not count as the image, or an empty text if it does. An object that cannot be
    read now, such as one in an archive storage class, must not end the search for the others.
    """
    try:
        stored = await store.get(key)
    except ConfigurationError as error:
        return f"which cannot be read now: {error.message}"
    is_it = stored is not None and (row.sha256 is None or hashlib.sha256(stored.body).hexdigest() == row.sha256)
    return "" if is_it else "and not the recorded ones"
