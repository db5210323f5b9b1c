"""When the bytes of the stored images were last read and found intact: small enough for the checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

MAX_STAMPS = 8
"""Instants that are kept per partition. A slice of a verify gives all its images of a day one instant, so few are needed."""
WITHIN_DAYS = (1, 7, 30, 90)


@dataclass(frozen=True, slots=True)
class Verified:
    """Images, and their bytes, that were last verified at `at`, or later if the partition has more instants than are kept."""

    at: datetime
    images: int
    bytes: int


def condensed(stamps: Iterable[Verified]) -> tuple[Verified, ...]:
    """At most `MAX_STAMPS` instants, ascending. Of two that are close, the earlier one stands for both: nothing is claimed to be
    younger than it is. The same stamps give the same result in any order.
    """
    sums: dict[datetime, tuple[int, int]] = {}
    for each in stamps:
        images, size = sums.get(each.at, (0, 0))
        sums[each.at] = images + each.images, size + each.bytes
    kept = [Verified(at, *sums[at]) for at in sorted(sums)]
    while len(kept) > MAX_STAMPS:
        number = min(range(len(kept) - 1), key=lambda first: kept[first + 1].at - kept[first].at)
        one, other = kept[number : number + 2]
        kept[number : number + 2] = [Verified(one.at, one.images + other.images, one.bytes + other.bytes)]
    return tuple(kept)


AHEAD = timedelta(days=1)
"""An instant that is further in our future was noted by a machine whose clock was ahead. It says nothing of when that was."""


def is_believed(at: datetime, now: datetime) -> bool:
    """Whether something can have been verified at that instant."""
    return at <= now + AHEAD


@dataclass(frozen=True, slots=True)
class VerificationCoverage:
    """How much of an archive was verified, and when.

    `images`, `bytes`: all that are archived. `never`: images that were never verified as they are now, or nobody knows when.
    `verified_bytes`: bytes that were. `oldest`: since when all verified images have been verified; None if none was.
    `within_days`: number of images that were verified within so many days.
    """

    images: int = 0
    bytes: int = 0
    never: int = 0
    verified_bytes: int = 0
    oldest: datetime | None = None
    within_days: Mapping[str, int] = field(default_factory=lambda: {str(days): 0 for days in WITHIN_DAYS})

    @classmethod
    def of(cls, images: int, size: int, stamps: Iterable[Verified], now: datetime) -> VerificationCoverage:
        """Of `images` archived images with `size` bytes, verified at these instants."""
        stamps = tuple(each for each in stamps if is_believed(each.at, now))
        return cls(
            images=images,
            bytes=size,
            never=max(0, images - sum(each.images for each in stamps)),
            verified_bytes=sum(each.bytes for each in stamps),
            oldest=min((each.at for each in stamps), default=None),
            within_days={
                str(days): sum(each.images for each in stamps if each.at >= now - timedelta(days=days))
                for days in WITHIN_DAYS
            },
        )
