"""What is stored about an image only grows more certain, whatever the order in which runs find it out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stablecog_provider.model import row_lifecycle
from stablecog_provider.model.manifest import Row, State, row_of_unreadable
from stablecog_provider.model.output import UnreadableOutput
from stablecog_provider.model.row_attempts import (
    LONGEST_ABSENCE,
    SETTLED_AFTER,
    is_settled,
    retry_delay,
    retry_due,
    unavailable,
)
from stablecog_provider.model.row_lifecycle import (
    Copy,
    copies_of,
    is_live,
    is_replaced,
    merge_rows,
    needs_copy,
    normalized,
    stored,
)
from support.rows import a_row, copies, minute, rows

of_one_image = rows(st.just("a")).map(lambda row: replace(row, rendition="original"))
URL, OTHER = "https://b.stablecog.com/a.jpeg", "https://b.stablecog.com/b.jpeg"


def a_copy(digest: str = "aa", number: int = 1, url: str = URL) -> Copy:
    return Copy(minute(number), digest, f"s3://b/{digest}", "image/jpeg", 9, url)


def failed(**columns: Any) -> Row:
    return a_row(state=State.FAILED, **({"source_url": URL} | columns))


@given(of_one_image, of_one_image)
def test_merging_is_commutative(one: Row, other: Row) -> None:
    assert merge_rows(one, other) == merge_rows(other, one)


@given(of_one_image, of_one_image, of_one_image)
def test_merging_is_associative(one: Row, two: Row, three: Row) -> None:
    assert merge_rows(merge_rows(one, two), three) == merge_rows(one, merge_rows(two, three))


@given(of_one_image, of_one_image)
def test_merging_is_idempotent(one: Row, other: Row) -> None:
    merged = merge_rows(one, other)
    assert merge_rows(one, one) == one
    assert merge_rows(merged, one) == merged
    assert merge_rows(merged, merged) == merged


@given(of_one_image, of_one_image)
def test_merging_never_forgets_a_stored_image(one: Row, other: Row) -> None:
    merged = merge_rows(one, other)
    assume(merged.state != State.FORGOTTEN)
    kept = {copy.sha256 for copy in copies_of(merged)}
    assert kept == {copy.sha256 for row in (one, other) for copy in copies_of(row)}


@given(of_one_image, of_one_image)
def test_what_belongs_to_one_copy_stays_together(one: Row, other: Row) -> None:
    known = {copy for row in (one, other) for copy in copies_of(row)}
    assert set(copies_of(merge_rows(one, other))) <= known


@given(copies(), st.integers(0, 9))
def test_a_stored_image_is_archived_until_it_is_missing(copy: Copy, number: int) -> None:
    archived = stored(failed(), copy)
    assert archived.state == State.ARCHIVED
    lost = row_lifecycle.missing(archived, minute(number), "it is not in the bucket")
    assert (lost.state, lost.sha256, lost.bytes) == (State.LOST, archived.sha256, archived.bytes)
    assert retry_due(lost) == lost.first_seen_at
    found = row_lifecycle.found(lost, minute(number), lost.uri or "")
    assert (found.state, found.sha256) == (State.ARCHIVED, archived.sha256)
    assert merge_rows(found, lost).state == State.ARCHIVED, "a stale row does not lose it again"
    copied_again = stored(lost, copy._replace(archived_at=row_lifecycle.after(lost, minute(number))))
    assert copied_again.state == State.ARCHIVED


@given(of_one_image)
def test_the_normal_form_is_one(row: Row) -> None:
    assert normalized(row) == row


def test_rows_of_two_images_do_not_merge() -> None:
    with pytest.raises(ValueError, match="two images"):
        merge_rows(a_row("a"), a_row("A"))


def test_metadata_is_as_last_seen_and_the_copy_stays() -> None:
    archived = stored(failed(prompt="old", run_id="r1"), a_copy())
    seen_later = failed(last_seen_at=minute(9), prompt="new", run_id="r2")
    merged = merge_rows(archived, seen_later)
    assert (merged.prompt, merged.run_id, merged.last_seen_at, merged.first_seen_at) == (
        "new",
        "r2",
        minute(9),
        minute(0),
    )
    assert (merged.state, merged.sha256, merged.attempts, merged.error) == (State.ARCHIVED, "aa", 1, None)


def test_a_replaced_image_stays_until_the_new_one_is_stored_and_is_named_afterwards() -> None:
    archived = stored(failed(), a_copy("aa"))
    renamed = merge_rows(archived, failed(source_url=OTHER, last_seen_at=minute(5)))
    assert (renamed.state, renamed.sha256, is_replaced(renamed), needs_copy(renamed)) == (
        State.ARCHIVED,
        "aa",
        True,
        True,
    )
    assert retry_due(renamed) == renamed.first_seen_at, "the new image was never tried"
    failing = unavailable(renamed, "503", minute(6))
    assert (failing.state, failing.sha256, retry_due(failing)) == (State.ARCHIVED, "aa", minute(6) + timedelta(hours=1))
    done = stored(failing, a_copy("bb", 70, OTHER))
    assert (done.sha256, done.archived_url, needs_copy(done)) == ("bb", OTHER, False)
    assert [copy.sha256 for copy in copies_of(done)] == ["bb", "aa"]


def test_a_stale_copy_of_a_replaced_image_does_not_take_its_place_back() -> None:
    """Whatever the clocks said."""
    row = merge_rows(stored(failed(), a_copy("aa", 99)), failed(source_url=OTHER, last_seen_at=minute(5)))
    assert stored(row, a_copy("bb", 1, OTHER)).sha256 == "bb"


def test_an_image_that_moved_is_the_same_image() -> None:
    archived = stored(failed(), a_copy())
    moved = merge_rows(archived, failed(source_url="https://cdn.example/a.jpeg", last_seen_at=minute(5)))
    assert not needs_copy(moved)


def test_the_latest_attempt_knows_most() -> None:
    gone = unavailable(failed(), "404", minute(5), gone=True)
    slip = unavailable(failed(), "503", minute(9))
    later = unavailable(failed(), "410", minute(7), gone=True)
    for order in ([gone, slip, later], [later, slip, gone], [slip, gone, later]):
        merged = reduce(merge_rows, order)
        assert (merged.state, merged.error) == (State.FAILED, "503")
    assert merge_rows(gone, later).error == "410"


def test_a_tombstone_holds_until_the_output_is_seen_again() -> None:
    buried = a_row(deleted_at=minute(5))
    assert merge_rows(a_row(), buried).deleted_at == minute(5)
    assert merge_rows(a_row(last_seen_at=minute(5)), buried).deleted_at == minute(5)
    assert merge_rows(a_row(last_seen_at=minute(6)), buried).deleted_at is None
    assert merge_rows(a_row(deleted_at=minute(7)), buried).deleted_at == minute(7)


def test_live_is_what_the_source_counts() -> None:
    assert is_live(a_row())
    assert is_live(failed())
    assert not is_live(a_row(rendition="upscaled"))
    assert not is_live(a_row(deleted_at=minute(0)))


@pytest.mark.parametrize(
    ("attempts", "hours"), [(0, 0), (1, 1), (2, 2), (3, 4), (8, 128), (9, 168), (12, 168), (2**31 - 1, 168)]
)
def test_a_failed_image_rests_longer_each_time(attempts: int, hours: int) -> None:
    row = failed(attempts=attempts, attempted_at=minute(0), attempted_url=URL)
    assert retry_delay(attempts) == timedelta(hours=hours)
    assert retry_due(row) == (minute(0) + timedelta(hours=hours) if attempts else row.first_seen_at)


def test_gone_is_never_final() -> None:
    row = failed()
    for _ in range(40):
        row = unavailable(row, "404", retry_due(row) or minute(0), gone=True)
        due = retry_due(row)
        assert due is not None
        assert due - (row.attempted_at or minute(0)) <= LONGEST_ABSENCE
    assert row.attempts == 40
    assert stored(row, a_copy(number=9)).state == State.ARCHIVED


def test_gone_is_settled_after_a_day_and_not_by_asking_in_quick_succession() -> None:
    row, began = failed(), minute(0)
    for _ in range(50):
        row = unavailable(row, "404", began, gone=True, rested=row.attempted_at is None)
    assert (row.attempts, is_settled(row)) == (1, False)
    at = began
    while not is_settled(row):
        at = retry_due(row) or at
        row = unavailable(row, "404", at, gone=True)
    assert row.attempts == SETTLED_AFTER
    assert at - began >= timedelta(hours=31)


def test_failures_of_another_kind_do_not_count_as_404() -> None:
    row = failed()
    for number in range(SETTLED_AFTER):
        row = unavailable(row, "503", minute(number))
    assert not is_settled(unavailable(row, "404", minute(99), gone=True))


def test_deleting_the_output_does_not_end_attempts_for_its_image() -> None:
    row = row_lifecycle.deleted(unavailable(failed(), "503", minute(1)), minute(2), "r")
    assert retry_due(row) == minute(1) + timedelta(hours=1)


def test_what_is_stored_needs_nothing() -> None:
    assert retry_due(a_row()) is None
    assert not needs_copy(a_row())


def test_what_was_never_tried_is_due_from_the_beginning() -> None:
    row = failed(attempts=0, attempted_at=None)
    assert retry_due(row) == row.first_seen_at


def test_an_unreadable_output_is_read_again_until_it_is_deleted() -> None:
    row = row_of_unreadable(UnreadableOutput("a", "image_url", "none", "{}"), minute(4), "fallback", minute(5), "r")
    assert retry_due(row) == minute(5) + timedelta(hours=1)
    assert retry_due(row_lifecycle.deleted(row, minute(6), "r")) is None
