"""What came of the rows that were committed, as plain counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from ...model.coverage import Coverage
from ...model.manifest import Row, State
from ...model.object_keys import Rendition
from ...model.times import BEGINNING

SHOWN_FAILURES = 50


@dataclass(frozen=True, slots=True)
class Failure:
    """One image that could not be archived."""

    output_id: str
    rendition: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts of one or more commits. `read`: lines of the listing, repeats included. `bytes`: of the copied images.
    `failures`: at most `SHOWN_FAILURES` of those that `failed` counts. `holes`: stretches that the listing cannot show.
    """

    read: int = 0
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


def tally_of(rows: Iterable[Row], run_id: str) -> Tally:
    """Count rows that the run `run_id` committed."""
    return Tally.sum(_counted(row, run_id) for row in rows)


def _counted(row: Row, run_id: str) -> Tally:
    if row.deleted_at is not None:
        return Tally(tombstoned=int(row.rendition == Rendition.ORIGINAL and row.created_at > BEGINNING))
    if row.attempted_at is None or row.run_id != run_id:
        return Tally(refreshed=1)
    if row.state == State.ARCHIVED:
        return Tally(copied=1, bytes=row.bytes or 0)
    if row.state == State.GONE:
        return Tally(gone=1)
    return failure_of(row, row.error or "unknown")
