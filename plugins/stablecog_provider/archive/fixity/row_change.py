"""What a verify writes into a row, guarded: if another run has changed the row's images in the meantime, nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ...model.manifest import Row, RowKey, State
from ...model.row_fixity import kept_beside, still_missing, verified
from ...model.row_lifecycle import Copy, found, missing, normalized
from .expected import Fixity, fixity_of


@dataclass(frozen=True, slots=True)
class RowChange:
    """`was`: the row's images when they were checked. `uri`: where the current image is, if it is whole. `verified`: every image
    of the row was read and is intact. `lost`: why the current image is lost. `beside`: what the source has instead of it.
    `corrected`: SHA-256 and size of the current image, if the row had them wrong. `named`: the address that the row lacks.
    """

    was: Fixity
    uri: str | None = None
    verified: bool = False
    lost: str = ""
    beside: Copy | None = None
    corrected: tuple[str, int] | None = None
    named: str = ""

    def apply(self, row: Row, now: datetime) -> Row:
        if fixity_of(row) != self.was or row.state == State.FORGOTTEN:
            return row
        if self.corrected:
            row = replace(row, sha256=self.corrected[0], bytes=self.corrected[1])
        if self.named:
            row = replace(row, uri=self.named)
        if self.beside:
            row = kept_beside(row, self.beside)
        if self.lost and row.uri is None:
            # Without an address and a hash, nothing is known of an image: it is copied as if for the first time.
            return normalized(replace(row, state=State.FAILED, error=self.lost, attempts=0))
        if self.lost:
            return still_missing(row, now) if row.state == State.LOST else missing(row, now, self.lost)
        if self.verified:
            return verified(row, now, self.uri)
        return found(row, now, self.uri) if self.uri and row.state == State.LOST else row


def change_of(changes: Mapping[RowKey, RowChange], now: datetime) -> Callable[[Row], Row]:
    """The changes of one day as one function."""

    def change(row: Row) -> Row:
        own = changes.get(row.key)
        return own.apply(row, now) if own else row

    return change
