"""What came of the entries that were committed, as plain counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from ...model.coverage import Coverage
from ...model.failure import SHOWN_FAILURES, Failure
from ...model.manifest import Row
from ...model.object_keys import Rendition
from ...model.times import BEGINNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts of one or more commits.

    `read`: lines of the listing, repeats included. `new`: outputs that the manifest did not hold. `bytes`: of the copied
    images. `failures`: at most `SHOWN_FAILURES` of those that `failed` counts. `holes`: stretches that the listing cannot show.
    """

    read: int = 0
    new: int = 0
    copied: int = 0
    bytes: int = 0
    refreshed: int = 0
    failed: int = 0
    gone: int = 0
    tombstoned: int = 0
    failures: tuple[Failure, ...] = ()
    holes: Coverage = Coverage()

    @classmethod
    def sum(cls, tallies: Iterable[Tally]) -> Tally:
        total = cls()
        for one in tallies:
            total = cls(
                read=total.read + one.read,
                new=total.new + one.new,
                copied=total.copied + one.copied,
                bytes=total.bytes + one.bytes,
                refreshed=total.refreshed + one.refreshed,
                failed=total.failed + one.failed,
                gone=total.gone + one.gone,
                tombstoned=total.tombstoned + one.tombstoned,
                failures=(total.failures + one.failures)[:SHOWN_FAILURES],
                holes=total.holes.merge(one.holes),
            )
        return total

    def counts(self) -> dict[str, Any]:
        """The counts by name, without `holes`."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "holes"}


def failure_of(row: Row, error: str) -> Tally:
    """The tally of one image that failed."""
    return Tally(failed=1, failures=(Failure(row.output_id, row.rendition, error),))


def tombstone_of(row: Row) -> Tally:
    """The tally of one row that was marked as deleted. Outputs are counted, not images, and stand-ins not at all."""
    return Tally(tombstoned=int(row.rendition == Rendition.ORIGINAL and row.created_at > BEGINNING))
