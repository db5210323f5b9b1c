"""What checks of stored bytes change in a row.

`verified_at` belongs to the marks of `row_lifecycle`: an instant at which something was observed, of which the latest is kept.
It says that every stored image of the row was read and had its recorded SHA-256. A copy that is stored later takes it back: the
mark counts only while it is not older than the row's newest copy. So merging needs no rule of its own, and nothing is erased.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from .manifest import Row, State
from .row_lifecycle import Copy, after, copies_of, found, image_name, merge_rows
from .verification import is_believed

OTHER_BYTES = "#other-bytes"
"""Ends the `archived_url` of a copy that the source serves at the address of an image whose recorded bytes are lost. The name of
the image differs by it, so the copy is kept beside the lost one and never takes its place.
"""


def verified_since(row: Row) -> datetime | None:
    """When the stored images of the row were last verified as they are now; None if they were not, or are not all there."""
    if row.state != State.ARCHIVED or row.verified_at is None:
        return None
    stored_at = max((copy.archived_at for copy in copies_of(row)), default=row.verified_at)
    return row.verified_at if row.verified_at >= stored_at else None


def last_checked(row: Row) -> datetime | None:
    """When the row was last verified, or found to be lost. The least recent comes first."""
    return row.missing_at if row.state == State.LOST else verified_since(row)


def verified(row: Row, at: datetime, uri: str | None) -> Row:
    """The row once all its stored images were read and are intact, the current one at `uri`. A lost one is archived again. An
    earlier mark from a clock that was ahead gives way: with it, the row would count as just verified until then.
    """
    if uri is not None and (row.state == State.LOST or row.uri != uri):
        row = found(row, at, uri)
    before = row.verified_at if row.verified_at and is_believed(row.verified_at, at) else at
    return replace(row, verified_at=max(after(row, at), before))


def still_missing(row: Row, at: datetime) -> Row:
    """The lost row once its object was looked for again and not found whole. Its attempts go on as they were."""
    return replace(row, missing_at=after(row, at))


def kept_beside(row: Row, copy: Copy) -> Row:
    """The row with one more copy in its history. The current image and the state stay."""
    url = copy.archived_url
    if url is not None and image_name(url) in (image_name(row.source_url), image_name(row.archived_url)):
        copy = copy._replace(archived_url=url + OTHER_BYTES)
    return merge_rows(row, replace(row, **copy._asdict(), earlier_images=None))
