"""What happened to a picture, from the columns that the manifest has: no more than they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ...model.manifest import Row, State


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened `at`. `kind`: ok, bad or empty."""

    at: datetime
    what: str
    detail: str = ""
    kind: str = ""


def history_of(rows: Sequence[Row]) -> list[Event]:
    """The events of an output's rows, newest first."""
    events = [event for row in rows for event in _of_image(row)]
    first = rows[0]
    events.append(Event(first.created_at, "Requested"))
    events.append(Event(min(row.first_seen_at for row in rows), "First seen"))
    completed = first.output_created_at or first.completed_at
    if completed:
        events.append(Event(completed, "Completed"))
    seen = max(row.last_seen_at for row in rows)
    if seen > max(row.first_seen_at for row in rows):
        events.append(Event(seen, "Metadata changed", "The last change that was seen in the source's listing"))
    if first.deleted_at:
        events.append(Event(first.deleted_at, "Deleted at the source", "Its images are kept"))
    # What happened at one instant is shown in the order above.
    return sorted(events, key=lambda event: event.at, reverse=True)


def _of_image(row: Row) -> list[Event]:
    name = row.rendition.capitalize()
    events = []
    if row.archived_at and row.state != State.FORGOTTEN:
        events.append(Event(row.archived_at, f"{name} copied"))
    if row.verified_at:
        events.append(Event(row.verified_at, f"{name}: bytes verified", "Its SHA-256 agreed", "ok"))
    if row.missing_at and row.state == State.LOST:
        events.append(Event(row.missing_at, f"{name} found missing", "The bucket lacked its bytes", "bad"))
    if row.attempted_at and row.state not in (State.ARCHIVED, State.FORGOTTEN):
        events.append(Event(row.attempted_at, f"{name}: last attempt", row.error or "", "bad"))
    return events
