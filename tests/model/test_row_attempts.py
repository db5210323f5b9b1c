"""What an attempt that failed, was not made, or came before its time changes in a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from stablecog_provider.model.manifest import Row, State
from stablecog_provider.model.row_attempts import (
    LONGEST_ABSENCE,
    LONGEST_REST,
    SETTLED_AFTER,
    has_rested,
    is_gone,
    is_settled,
    retry_due,
    skipped,
    unavailable,
)
from stablecog_provider.model.row_lifecycle import Copy, after, found, merge_rows, missing, stored
from support.rows import a_row, minute

URL, OTHER = "https://b.stablecog.com/a.jpeg", "https://b.stablecog.com/b.jpeg"
HOUR = timedelta(hours=1)


def new() -> Row:
    return a_row(state=State.FAILED, source_url=URL, attempts=0)


def gone_for(answers: int, row: Row | None = None) -> Row:
    row = row or new()
    for _ in range(answers):
        row = unavailable(row, "404", retry_due(row) or minute(0), gone=True)
    return row


def test_a_row_says_since_when_its_image_is_gone() -> None:
    assert [gone_for(answers).gone_since for answers in (0, 1, 5)] == [None, minute(0), minute(0)]
    assert unavailable(gone_for(5), "503", minute(9)).gone_since is None
    assert stored(gone_for(5), Copy(minute(9), "aa", "s3://b/aa", "image/jpeg", 9, URL)).gone_since is None


def test_an_outage_takes_no_answer_back_and_adds_none() -> None:
    gone = gone_for(SETTLED_AFTER)
    later = unavailable(gone, "404, perhaps temporary", minute(99), gone=None)
    assert (later.attempts, later.gone_since, later.state) == (gone.attempts, gone.gone_since, State.GONE)
    assert is_settled(later)
    assert (later.error, later.attempted_at) == ("404, perhaps temporary", minute(99))


def test_an_unconfirmed_404_counts_as_a_failure_of_an_image_that_is_not_gone() -> None:
    row = unavailable(unavailable(new(), "404", minute(0), gone=None), "503", minute(1))
    assert (row.attempts, row.state, is_gone(row)) == (2, State.FAILED, False)


def test_an_attempt_before_its_time_puts_nothing_off() -> None:
    row = gone_for(3)
    hasty = unavailable(row, "404", minute(1), gone=True, rested=False)
    assert hasty == row


def test_the_first_attempt_counts_though_nothing_was_due() -> None:
    assert unavailable(new(), "503", minute(1), rested=False).attempts == 1


@pytest.mark.parametrize("row", [new(), missing(a_row(attempts=4), minute(1), "no object")], ids=["new", "lost"])
def test_a_skipped_image_stays_due_once_and_then_rests(row: Row) -> None:
    once = skipped(row, "host down", minute(1))
    assert has_rested(once, minute(1))
    assert once.attempts == 0
    twice = skipped(once, "host down", minute(2))
    assert (twice.attempts, retry_due(twice)) == (1, minute(2) + HOUR)
    assert twice.state == row.state, "an image that was not requested is neither gone nor found"


def test_a_skipped_image_that_moved_stays_due_once_more() -> None:
    tried = unavailable(new(), "503", minute(0))
    moved = merge_rows(tried, a_row(state=State.FAILED, source_url=OTHER, attempts=0, last_seen_at=minute(1)))
    assert retry_due(skipped(moved, "host down", minute(2))) == moved.first_seen_at


def test_a_skipped_image_whose_dead_host_has_two_names_rests() -> None:
    row = skipped(new(), "host down", minute(0))
    for number in range(1, 5):
        elsewhere = replace(row, source_url=f"https://cdn{number % 2}.test/a.jpeg")
        row = skipped(elsewhere, "host down", minute(number))
    assert row.attempts >= 1
    due = retry_due(row)
    assert due is not None
    assert due > minute(4)


def test_only_what_is_gone_rests_for_more_than_a_week() -> None:
    lost = missing(a_row(), minute(1), "no object")
    failing, absent = lost, lost
    for number in range(20):
        failing = unavailable(failing, "503", minute(number))
        absent = unavailable(absent, "404", minute(number), gone=True)
    assert (failing.state, absent.state) == (State.LOST, State.LOST)
    assert retry_due(failing) == minute(19) + LONGEST_REST
    assert retry_due(absent) == minute(19) + LONGEST_ABSENCE
    assert not is_settled(absent), "what was archived and lost always counts"


def test_a_replacement_that_stays_gone_is_settled_and_its_predecessor_stays_archived() -> None:
    replaced = a_row(source_url=OTHER, archived_url=URL, attempted_url=URL, attempted_at=minute(0), attempts=1)
    row = gone_for(SETTLED_AFTER, replaced)
    assert (row.state, row.attempts, is_settled(row)) == (State.ARCHIVED, SETTLED_AFTER, True)


def test_an_earlier_image_that_is_named_again_is_lost_until_it_is_stored_or_found() -> None:
    first, second = (
        Copy(minute(number), digest, f"s3://b/{digest}", "image/jpeg", 9, url)
        for number, digest, url in ((1, "aa", URL), (5, "bb", OTHER))
    )
    row = merge_rows(stored(new(), first), a_row(state=State.FAILED, source_url=OTHER, last_seen_at=minute(4)))
    row = stored(row, second)
    assert (row.sha256, row.state) == ("bb", State.ARCHIVED)
    again = merge_rows(row, a_row(state=State.FAILED, source_url=URL, last_seen_at=minute(9)))
    assert (again.sha256, again.state) == ("aa", State.LOST)
    assert retry_due(again) == again.first_seen_at
    assert stored(again, first._replace(archived_at=minute(9))).state == State.ARCHIVED
    # The clock of the machine that stored the other image may be ahead.
    assert stored(again, first._replace(archived_at=after(again, minute(2)))).state == State.ARCHIVED
    assert found(again, minute(2), again.uri or "").state == State.ARCHIVED
