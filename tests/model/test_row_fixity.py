"""Checks of stored bytes, in a row's life: marks that merge like all others, and claims no wider than the check."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given

from stablecog_provider.model.manifest import Row, State
from stablecog_provider.model.row_fixity import kept_beside, last_checked, verified, verified_since
from stablecog_provider.model.row_lifecycle import Copy, copies_of, merge_rows, missing, normalized, stored
from support.rows import a_row, minute, rows

BESIDE = Copy(minute(9), "ee", "s3://b/ee", "image/jpeg", 5, "https://b.stablecog.com/a.jpeg")

archived = rows().filter(lambda row: row.uri is not None)


def checked(row: Row) -> Row:
    return verified(row, minute(9), row.uri)


@given(archived)
def test_a_verified_row_says_so_and_nothing_else_changes(row: Row) -> None:
    done = checked(row)
    assert done == normalized(done)
    assert done.state == State.ARCHIVED
    assert verified_since(done) == last_checked(done) == done.verified_at
    assert replace(done, verified_at=None, found_at=None, state="", error=None) == replace(
        row, verified_at=None, found_at=None, state="", error=None
    )


@given(archived, rows())
def test_verified_rows_merge_in_any_order(one: Row, other: Row) -> None:
    done, other = checked(one), replace(other, output_id=one.output_id, rendition=one.rendition)
    assert merge_rows(done, other) == merge_rows(other, done)
    assert merge_rows(done, one) == merge_rows(done, done)


def test_an_image_that_is_stored_later_is_not_verified() -> None:
    row = checked(a_row())
    later = Copy(minute(20), "ff", "s3://b/ff", "image/jpeg", 4, "https://b.stablecog.com/a.jpeg")
    assert verified_since(stored(row, later)) is None
    assert verified_since(merge_rows(stored(a_row(), later), row)) is None
    assert verified_since(checked(stored(row, later))) is not None


def test_a_lost_image_is_not_verified_and_was_last_checked_when_it_was_missed() -> None:
    lost = missing(checked(a_row()), minute(30), "not in the bucket")
    assert (lost.state, verified_since(lost), last_checked(lost)) == (State.LOST, None, minute(30))
    assert (checked(lost).state, checked(lost).error) == (State.ARCHIVED, None)


def test_other_bytes_are_kept_beside_a_lost_image() -> None:
    lost = missing(a_row(), minute(5), "not in the bucket")
    row = kept_beside(lost, BESIDE)
    assert (row.state, row.uri, row.sha256) == (State.LOST, lost.uri, lost.sha256)
    assert [copy.sha256 for copy in copies_of(row)] == [lost.sha256, "ee"]
    assert kept_beside(row, BESIDE) == row
    assert row == merge_rows(row, lost) == merge_rows(lost, row)
    (kept,) = json.loads(row.earlier_images or "")
    assert kept["archived_url"] == "https://b.stablecog.com/a.jpeg#other-bytes"
    assert checked(row).state == State.ARCHIVED
