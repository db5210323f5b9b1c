"""The history of a picture says what the manifest's columns say, and no more."""

from __future__ import annotations

from typing import Any

from stablecog_provider.archive.browsing.history import history_of
from stablecog_provider.model.manifest import Row, State
from support.rows import a_row, minute


def told(*rows: Row) -> list[str]:
    return [event.what for event in history_of(rows)]


def test_a_picture_that_was_copied() -> None:
    row = a_row(
        created_at=minute(0),
        output_created_at=minute(1),
        first_seen_at=minute(2),
        archived_at=minute(3),
        last_seen_at=minute(2),
    )
    assert told(row) == ["Original copied", "First seen", "Completed", "Requested"]


def test_every_mark_is_an_event_newest_first() -> None:
    times: dict[str, Any] = {"first_seen_at": minute(1), "archived_at": minute(2), "last_seen_at": minute(3)}
    row = a_row(verified_at=minute(4), deleted_at=minute(5), **times)
    assert told(row) == [
        "Deleted at the source",
        "Original: bytes verified",
        "Metadata changed",
        "Original copied",
        "First seen",
        "Requested",
    ]


def test_both_images_have_their_own_events() -> None:
    rows = a_row(), a_row(rendition="upscaled", archived_at=minute(4))
    assert [what for what in told(*rows) if "copied" in what] == ["Upscaled copied", "Original copied"]


def test_an_image_that_is_not_there_tells_its_last_attempt() -> None:
    row = a_row(state=State.FAILED, attempted_at=minute(4), error="503")
    event = history_of([row])[0]
    assert (event.what, event.detail, event.kind) == ("Original: last attempt", "503", "bad")


def test_a_lost_image_tells_when_it_was_missed() -> None:
    row = a_row(state=State.LOST, missing_at=minute(5))
    assert told(row)[0] == "Original found missing"
    found_again = a_row(missing_at=minute(5), found_at=minute(6))
    assert "Original found missing" not in told(found_again)
