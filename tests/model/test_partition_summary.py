"""What the checkpoint keeps of a partition is what its rows say, one by one."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.adapters.parquet_partition import ParquetPartition
from stablecog_provider.model import row_lifecycle
from stablecog_provider.model.manifest import Row, RowKey, State, row_of_unreadable
from stablecog_provider.model.output import UnreadableOutput
from stablecog_provider.model.partition_summary import ImageCounts, PartitionSummary, summarize
from stablecog_provider.model.row_attempts import SETTLED_AFTER, retry_due
from stablecog_provider.model.row_fixity import verified_since
from stablecog_provider.model.row_lifecycle import is_live, needs_copy
from stablecog_provider.model.verification import Verified, condensed
from support.manifests import TODAY, together
from support.rows import a_row, minute, rows

OTHER = "https://b.stablecog.com/other.jpeg"
partitions = st.lists(rows(st.sampled_from("abcdefgh")), max_size=12).map(together)


def failed(**columns: Any) -> Row:
    return a_row(state=State.FAILED, **columns)


def one(row: Row) -> ImageCounts:
    return summarize(0, [row]).images


@given(partitions)
def test_a_partition_of_parquet_is_summarized_as_its_rows_are(found: dict[RowKey, Row]) -> None:
    summary = summarize(0, found.values())
    archived = [row for row in found.values() if row.state == State.ARCHIVED]
    partition = ParquetPartition(TODAY, ParquetPartition(TODAY).merged(found).table)
    partition.version = "v"
    assert partition.summary() == replace(
        summary,
        version="v",
        live=sum(map(is_live, found.values())),
        bytes=sum(row.bytes or 0 for row in archived),
        verified=condensed(Verified(at, 1, row.bytes or 0) for row in archived if (at := verified_since(row))),
    )


@given(partitions)
def test_every_image_is_counted_once_and_what_is_due_is_due_first(found: dict[RowKey, Row]) -> None:
    summary = summarize(0, found.values())
    counts, due = summary.images, summary.due
    forgotten = [row for row in found.values() if row.state == State.FORGOTTEN]
    images = [
        row for row in found.values() if row not in forgotten and (row.source_url or row.uri or row.deleted_at is None)
    ]
    assert counts.archived + counts.failed + counts.gone + counts.lost == len(images)
    assert counts.forgotten == len(forgotten)
    assert due == min(filter(None, map(retry_due, found.values())), default=None)
    tried = [row.attempted_at for row in found.values() if row.attempted_at and retry_due(row)]
    assert summary.tried == max(tried, default=None)


@given(partitions, st.integers(0, 5))
def test_images_that_need_nothing_may_be_counted_beforehand(found: dict[RowKey, Row], others: int) -> None:
    odd = [row for row in found.values() if row.state != State.ARCHIVED or needs_copy(row)]
    assert summarize(others + len(found) - len(odd), odd) == summarize(others, found.values())


def test_each_state_has_its_count() -> None:
    archived, lost = a_row(), row_lifecycle.missing(a_row(), minute(1), "it is not in the bucket")
    gone = a_row(state=State.GONE, attempts=1, attempted_at=minute(1))
    assert one(archived) == ImageCounts(archived=1)
    assert one(failed()) == ImageCounts(failed=1)
    assert one(gone) == ImageCounts(gone=1)
    assert one(replace(gone, attempts=SETTLED_AFTER)) == ImageCounts(gone=1, settled=1)
    assert one(lost) == ImageCounts(lost=1)
    assert one(replace(archived, source_url=OTHER)) == ImageCounts(archived=1, replaced=1)


def test_alike_damage_is_one_reason() -> None:
    hashed, changed = "SHA-256 " + 64 * "a", "SHA-256 " + 64 * "b"
    errors = (
        f"recorded with 5 bytes, {hashed}, but the object has 5 bytes, {changed}. Not repaired: https://a.example/b: 404",
        f"recorded with 70 bytes, {hashed}, but the object has 3 bytes",
        f"recorded with 8 bytes, {hashed}, but not in the bucket",
    )
    found = summarize(0, [row_lifecycle.missing(a_row(), minute(1), error) for error in errors])
    assert [(each.text, each.images) for each in found.reasons] == [
        ("the object has other bytes", 2),
        ("the object is not in the bucket", 1),
    ]


def test_an_output_that_was_never_read_counts_until_it_is_deleted() -> None:
    unread = row_of_unreadable(UnreadableOutput("a", "image_url", "none", "{}"), minute(4), "fallback", minute(5), "r")
    found = summarize(0, [unread])
    assert [(each.state, each.images) for each in found.reasons] == [("failed", 1)]
    assert replace(found, reasons=()) == PartitionSummary(
        images=ImageCounts(failed=1), due=minute(5) + timedelta(hours=1), tried=minute(5)
    )
    assert summarize(0, [row_lifecycle.deleted(unread, minute(6), "r")]) == PartitionSummary()


def test_an_image_that_is_stored_counts_though_its_output_became_unreadable_and_was_deleted() -> None:
    assert one(a_row(source_url=None, deleted_at=minute(1))) == ImageCounts(archived=1)


@pytest.mark.parametrize(
    ("counts", "unresolved"),
    [
        (ImageCounts(archived=5), 0),
        (ImageCounts(failed=2), 2),
        (ImageCounts(gone=3, settled=2), 1),
        (ImageCounts(lost=1), 1),
        (ImageCounts(archived=4, replaced=3), 3),
    ],
)
def test_unresolved_is_what_a_run_is_expected_to_store_yet(counts: ImageCounts, unresolved: int) -> None:
    assert counts.unresolved == unresolved


def test_counts_add_up_in_every_field() -> None:
    names = [field.name for field in fields(ImageCounts)]
    first = ImageCounts(**{name: 10**number for number, name in enumerate(names)})
    second = ImageCounts(**{name: 2 * 10**number for number, name in enumerate(names)})
    assert first + second == ImageCounts(**{name: 3 * 10**number for number, name in enumerate(names)})


def test_a_listing_may_spell_a_version_otherwise() -> None:
    summary = PartitionSummary(version='"v1"', listed="v1-of-the-gateway")
    assert [summary.is_version(listed) for listed in ('"v1"', "v1-of-the-gateway", "v2")] == [True, True, False]
