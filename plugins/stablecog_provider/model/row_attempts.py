"""Attempts at the image of a row: what a failed one leaves in the row, and when the next is due.

A failure is never final. The longer it lasts, the more rarely the image is requested.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from .manifest import Row, State
from .row_lifecycle import image_name, needs_copy

LONGEST_REST = timedelta(days=7)
"""Between two attempts at an image that failed."""
LONGEST_ABSENCE = timedelta(days=90)
"""Between two attempts at an image that is gone."""
LONGEST_FLOOR = timedelta(days=1)
"""An image that was never stored rests a third of its age, at most this, even if each failure is of another kind or address."""
SETTLED_AFTER = 6
"""An image that answered 404 this often in a row, over at least 31 hours, is expected to stay gone. It is still requested."""


def is_settled(row: Row) -> bool:
    """Whether an image has been gone for so long that it no longer counts against the verdict. A lost one always does."""
    return row.state != State.LOST and needs_copy(row) and is_gone(row) and row.attempts >= SETTLED_AFTER


def is_gone(row: Row) -> bool:
    """Whether the host answered at last that it does not have the image that the source names."""
    return attempts_so_far(row) > 0 and (row.gone_since is not None or row.state == State.GONE)


def attempts_so_far(row: Row) -> int:
    """Attempts at the address that the source names now; attempts at another address do not count."""
    moved = row.attempted_url is not None and row.source_url is not None and row.attempted_url != row.source_url
    return 0 if moved else row.attempts


def retry_delay(attempts: int, longest: timedelta = LONGEST_REST) -> timedelta:
    """The rest after so many attempts: none, then 1, 2, 4 ... hours, at most `longest`."""
    return min(timedelta(hours=2 ** min(attempts - 1, 12)), longest) if attempts > 0 else timedelta(0)


def retry_due(row: Row) -> datetime | None:
    """When the image is worth another attempt, or the place of an unreadable output another reading; None if it is stored."""
    if not needs_copy(row) or (row.source_url is None and row.deleted_at is not None):
        return None
    if row.attempted_at is None:
        return row.first_seen_at
    longest = LONGEST_ABSENCE if is_gone(row) else LONGEST_REST
    rest = max(retry_delay(attempts_so_far(row), longest), _least_rest(row))
    return row.attempted_at + rest if rest else row.first_seen_at


def _least_rest(row: Row) -> timedelta:
    if row.uri is not None or row.attempted_at is None or not row.attempts:
        return timedelta(0)
    return min(max(row.attempted_at - row.first_seen_at, timedelta(0)) / 3, LONGEST_FLOOR)


def has_rested(row: Row, now: datetime) -> bool:
    """Whether an attempt is due now. One in our future was stamped by a machine whose clock was ahead."""
    due = retry_due(row)
    return due is not None and (due <= now or (row.attempted_at or row.first_seen_at) > now)


def unavailable(row: Row, error: str, at: datetime, *, gone: bool | None = False, rested: bool = True) -> Row:
    """The row after an attempt that failed. `gone`: the host answered that it has no such image; None if it served no other
    image either, so that it may have an outage: that takes nothing back from earlier answers, and adds nothing to them. An
    attempt that came before its time (`rested` is false) changes nothing: several 404s in quick succession are one.
    """
    before, was_gone = attempts_so_far(row), is_gone(row)
    if before and not rested:
        return row
    if gone is None and was_gone:
        return replace(row, error=error, attempted_at=at)
    if was_gone != bool(gone):
        # Failures of one kind do not count as failures of another.
        before = 0
    since = (row.gone_since if before else None) or at
    tried = replace(
        row,
        error=error,
        attempts=before + 1,
        attempted_at=at,
        attempted_url=row.source_url or None,
        gone_since=since if gone else None,
    )
    return replace(tried, state=State(row.state) if row.uri else State.GONE if gone else State.FAILED)


def skipped(row: Row, reason: str, at: datetime, *, rested: bool = True) -> Row:
    """The row if its image was not requested because its host is down. The first time it stays due at once. After that it
    counts as a failed attempt, so that a host that is down for good costs ever fewer runs.
    """
    if row.attempted_at is None or image_name(row.attempted_url) != image_name(row.source_url):
        return replace(
            row, error=reason, attempts=0, attempted_at=at, attempted_url=row.source_url or None, gone_since=None
        )
    return unavailable(row, reason, at, gone=None, rested=rested)
