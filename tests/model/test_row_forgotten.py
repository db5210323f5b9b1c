"""A forgotten row keeps what it is counted by and nothing else, and nothing brings the rest back."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.model import row_attempts, row_lifecycle
from stablecog_provider.model.manifest import COLUMNS, Row, State, describes, row_of
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.model.output import Output, UnreadableOutput, parse_output
from stablecog_provider.model.partition_summary import ImageCounts, PartitionSummary, summarize
from stablecog_provider.model.row_lifecycle import (
    KEPT_WHEN_FORGOTTEN,
    Copy,
    copies_of,
    forgotten,
    is_live,
    merge_rows,
    needs_copy,
    normalized,
)
from support.documents import current
from support.rows import a_row, minute, rows

of_one_image = rows(st.just("a")).map(lambda row: replace(row, rendition="original"))

PERSONAL = {
    "generation_id", "started_at", "completed_at", "output_updated_at", "uri", "source_url", "sha256", "content_type", "error",
    "bytes", "attempts", "archived_at", "verified_at", "prompt_id", "prompt", "negative_prompt_id", "negative_prompt", "model_id",
    "scheduler_id", "gallery_status", "width", "height", "inference_steps", "num_outputs", "seed", "like_count",
    "guidance_scale", "prompt_strength", "is_favorited", "was_auto_submitted", "is_public", "raw", "attempted_at",
    "attempted_url", "archived_url", "missing_at", "found_at", "earlier_images", "gone_since",
}  # fmt: skip


def full() -> Row:
    """A row with a value in every column."""
    kinds = {"string": "x", "timestamp[us, UTC]": minute(1), "int32": 7, "int64": 7, "float64": 7.5, "bool": True}
    values = {name: kinds[kind] for name, kind, _ in COLUMNS}
    fixed = {"output_id": "a", "rendition": "original", "state": State.ARCHIVED, "earlier_images": None}
    return Row(**(values | fixed))  # type: ignore[arg-type]


def test_each_column_is_either_kept_or_personal() -> None:
    """A new column has to be decided upon here."""
    assert {name for name, _, _ in COLUMNS} == {*KEPT_WHEN_FORGOTTEN, "state"} | PERSONAL
    assert not {*KEPT_WHEN_FORGOTTEN} & PERSONAL


def test_a_forgotten_row_has_the_values_of_what_it_keeps_alone() -> None:
    row, left = full(), forgotten(full())
    assert {name: getattr(left, name) for name in KEPT_WHEN_FORGOTTEN} == {
        name: getattr(row, name) for name in KEPT_WHEN_FORGOTTEN
    }
    bare = a_row("other", state=State.FAILED, source_url=None)
    empty = {field.name: field.default for field in fields(Row)} | {"raw": bare.raw}
    assert {name: getattr(left, name) for name in PERSONAL} == {name: empty[name] for name in PERSONAL}
    assert left.state == State.FORGOTTEN


@given(of_one_image, of_one_image)
def test_forgotten_wins_and_brings_nothing_back(one: Row, other: Row) -> None:
    merged = merge_rows(forgotten(one), other)
    assert merged.state == State.FORGOTTEN
    assert merged == normalized(forgotten(merged))
    assert merged == normalized(forgotten(merge_rows(one, other)))
    assert copies_of(merged) == []
    assert is_live(merged) == is_live(merge_rows(one, other)), "it is counted as before"


@given(of_one_image, st.integers(0, 9))
def test_nothing_is_due_of_a_forgotten_image(row: Row, number: int) -> None:
    left = forgotten(row)
    assert not needs_copy(left)
    assert row_attempts.retry_due(left) is None
    assert not row_attempts.has_rested(left, minute(number))
    assert not row_attempts.is_settled(left)
    assert summarize(0, [left]) == PartitionSummary(images=ImageCounts(forgotten=1))


@given(of_one_image, st.integers(0, 9))
def test_a_stale_run_that_copies_the_image_brings_nothing_back(row: Row, number: int) -> None:
    copy = Copy(minute(number), "dd", "s3://b/dd", "image/jpeg", 9, "https://h/d.jpeg")
    stale = row_lifecycle.stored(row if row.state != State.FORGOTTEN else a_row("a"), copy)
    assert merge_rows(forgotten(row), stale).sha256 is None


def output() -> Output:
    parsed = parse_output(current())
    assert isinstance(parsed, Output)
    return parsed


def test_what_the_source_lists_still_describes_a_forgotten_row() -> None:
    row = forgotten(row_of(output(), Rendition.ORIGINAL, seen_at=minute(1), run_id="r"))
    assert describes(row, output())
    assert describes(row, UnreadableOutput(row.output_id, "x", "x", "{}"))


def test_a_forgotten_output_can_be_deleted_at_the_source_and_come_back() -> None:
    row = forgotten(row_of(output(), Rendition.ORIGINAL, seen_at=minute(1), run_id="r"))
    gone = row_lifecycle.deleted(row, minute(2), "s")
    assert (gone.state, is_live(gone), describes(gone, output())) == (State.FORGOTTEN, False, False)
    fresh = row_of(output(), Rendition.ORIGINAL, seen_at=minute(2) + timedelta(seconds=1), run_id="t")
    back = merge_rows(gone, fresh)
    assert (back.state, is_live(back), back.prompt, back.raw) == (State.FORGOTTEN, True, None, "{}")
