"""What the checkpoint keeps of a partition; the partition itself may be large."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from .manifest import Row, State
from .row_attempts import is_settled, retry_due
from .row_lifecycle import is_replaced
from .verification import Verified

_DAMAGE = re.compile(r"recorded with \d+ bytes, SHA-256 \S+, but (the object has)?")
"""How a verify describes a damaged or missing object."""
_DETAIL = re.compile(r"https?://\S+|\b[0-9a-f]{8,}[0-9a-f-]*\b")


@dataclass(frozen=True, slots=True)
class RowChanges:
    """What one or more writes did to the rows of a partition. `marked_deleted`: those of `changed` that got a tombstone."""

    added: int = 0
    changed: int = 0
    marked_deleted: int = 0

    def __add__(self, other: RowChanges) -> RowChanges:
        return RowChanges(
            self.added + other.added, self.changed + other.changed, self.marked_deleted + other.marked_deleted
        )


@dataclass(frozen=True, slots=True)
class ImageCounts:
    """Images by what became of them. `replaced`: those of `archived` whose replacement is not stored yet. `settled`: those of
    `gone` and `replaced` that have been gone for so long that they are expected to stay so. `forgotten`: those that a person
    asked to forget.
    """

    archived: int = 0
    failed: int = 0
    gone: int = 0
    settled: int = 0
    lost: int = 0
    replaced: int = 0
    forgotten: int = 0

    @property
    def unresolved(self) -> int:
        """Images that a run is expected to store yet."""
        return self.failed + self.gone - self.settled + self.lost + self.replaced

    def __add__(self, other: ImageCounts) -> ImageCounts:
        return ImageCounts(
            self.archived + other.archived,
            self.failed + other.failed,
            self.gone + other.gone,
            self.settled + other.settled,
            self.lost + other.lost,
            self.replaced + other.replaced,
            self.forgotten + other.forgotten,
        )


@dataclass(frozen=True, slots=True)
class Reason:
    """So many images are in this state for this reason. `text`: what came before the details of the last error."""

    state: str
    text: str
    images: int


MAX_REASONS = 3
"""Reasons that are kept per partition: the most frequent."""
REASON_LENGTH = 60


@dataclass(frozen=True, slots=True)
class PartitionSummary:
    """`version`: the object's, as its reader and writer name it; `listed`: as the listing spelt it when that version was seen
    there (some gateways spell it otherwise). `live`: outputs that the source still has. `bytes`: of the stored images.
    `due`: when the first image is worth another attempt. `tried`: the last attempt at any of the images that are not stored.
    `verified`: when the archived images were last verified, see `verification`. `reasons`: why images are not stored.
    """

    version: str = ""
    listed: str = ""
    live: int = 0
    images: ImageCounts = ImageCounts()
    bytes: int = 0
    due: datetime | None = None
    tried: datetime | None = None
    verified: tuple[Verified, ...] = ()
    reasons: tuple[Reason, ...] = ()

    def is_version(self, listed: str) -> bool:
        """Whether a listing that names this version shows what is summarized here."""
        return bool(listed) and listed in (self.version, self.listed)


def summarize(archived: int, odd: Iterable[Row]) -> PartitionSummary:
    """The counts and times of a partition with `archived` images that need nothing, and `odd` rows that may need something."""
    counts, due, tried = ImageCounts(archived=archived), None, None
    reasons: Counter[tuple[str, str]] = Counter()
    for row in odd:
        if row.state == State.FORGOTTEN:
            counts += ImageCounts(forgotten=1)
            continue
        if row.source_url is None and row.uri is None and row.deleted_at is not None:
            # An output that could never be read, and that the source no longer has.
            continue
        at = retry_due(row)
        if at is not None:
            due, tried = min(due or at, at), max(filter(None, (tried, row.attempted_at)), default=None)
        if row.state != State.ARCHIVED:
            reasons[str(row.state), reason_of(row.error)] += 1
        counts += ImageCounts(
            archived=int(row.state == State.ARCHIVED),
            failed=int(row.state == State.FAILED),
            gone=int(row.state == State.GONE),
            settled=int(is_settled(row)),
            lost=int(row.state == State.LOST),
            replaced=int(row.state == State.ARCHIVED and is_replaced(row)),
        )
    # Ties in a fixed order: the same rows give the same summary.
    most = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))[:MAX_REASONS]
    kept = tuple(Reason(state, text, images) for (state, text), images in most)
    return PartitionSummary(images=counts, due=due, tried=tried, reasons=kept)


def reason_of(error: str | None) -> str:
    """What kind of error it is: without addresses and other details of one image, so that alike ones count together."""
    if damage := _DAMAGE.match(error or ""):
        return "the object has other bytes" if damage[1] else "the object is not in the bucket"
    text = _DETAIL.sub("", error or "not tried yet").partition(" -> ")[0].partition(": ")[0].strip()
    return text[:REASON_LENGTH] or "unknown"
