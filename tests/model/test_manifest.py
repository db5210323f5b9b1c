from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from functools import reduce
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.model import manifest
from stablecog_provider.model.manifest import (
    COLUMNS,
    MAX_ERROR,
    Row,
    State,
    describes,
    is_live,
    merge_rows,
    retry_delay,
    retry_due,
    row_of,
    row_of_unreadable,
)
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.model.output import Output, UnreadableOutput, parse_output
from support.documents import current, documented
from support.rows import DAY, a_row, minute, rows

of_one_image = rows(st.just("a")).map(lambda row: replace(row, rendition="original"))


def readable(document: Any) -> Output:
    output = parse_output(document)
    assert isinstance(output, Output)
    return output


def test_the_columns_are_the_fields_of_a_row_in_order() -> None:
    kinds = {"str": "string", "datetime": "timestamp[us, UTC]", "float": "float64", "bool": "bool"}
    hints = get_type_hints(Row, {**vars(manifest)})
    for (name, kind, nullable), field in zip(COLUMNS, fields(Row), strict=True):
        hint = hints[field.name]
        types = set(get_args(hint)) or {hint}
        assert name == field.name
        assert nullable == (type(None) in types)
        (python,) = types - {type(None)}
        assert kind in ("int32", "int64") if python is int else kind == kinds[python.__name__]


def test_the_public_contract_has_not_changed() -> None:
    """Adding at the end is allowed; then this list grows. Anything else breaks every reader of every archive."""
    names = (
        "output_id rendition generation_id created_at started_at completed_at output_created_at output_updated_at state uri "
        "source_url sha256 content_type error bytes attempts archived_at first_seen_at last_seen_at verified_at deleted_at "
        "prompt_id prompt negative_prompt_id negative_prompt model_id scheduler_id gallery_status width height "
        "inference_steps num_outputs seed like_count guidance_scale prompt_strength is_favorited was_auto_submitted "
        "is_public run_id raw attempted_at"
    )
    assert " ".join(name for name, _, _ in COLUMNS) == names


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


@given(
    st.permutations([a_row(last_seen_at=minute(n), state=s, archived_at=minute(9 - n)) for n, s in enumerate(State)])
)
def test_the_order_in_which_runs_commit_does_not_matter(order: list[Row]) -> None:
    merged = reduce(merge_rows, order)
    assert (merged.state, merged.archived_at, merged.last_seen_at) == (State.ARCHIVED, minute(9), minute(2))


def test_rows_of_two_images_do_not_merge() -> None:
    with pytest.raises(ValueError, match="two images"):
        merge_rows(a_row("a"), a_row("A"))


def test_metadata_is_as_last_seen_and_fixity_stays() -> None:
    archived = a_row(sha256="5e", bytes=3, archived_at=minute(1), prompt="old", run_id="r1", attempts=1)
    seen_later = a_row(state=State.FAILED, error="503", last_seen_at=minute(9), prompt="new", run_id="r2", attempts=2)
    merged = merge_rows(archived, seen_later)
    assert (merged.prompt, merged.run_id, merged.last_seen_at, merged.first_seen_at) == (
        "new",
        "r2",
        minute(9),
        minute(0),
    )
    assert (merged.state, merged.sha256, merged.bytes, merged.error, merged.attempts) == (
        State.ARCHIVED,
        "5e",
        3,
        None,
        1,
    )


def test_a_later_copy_beats_an_earlier_one_whatever_its_text() -> None:
    earlier = a_row(archived_at=minute(1), sha256="ff")
    later = a_row(archived_at=minute(1) + timedelta(microseconds=1), sha256="00")
    assert merge_rows(earlier, later).sha256 == "00"


def test_an_attempt_is_kept_with_the_state_that_it_led_to() -> None:
    """Merged apart from its state, three runs could end in two different rows."""
    gone = a_row(state=State.GONE, attempted_at=minute(5), error="404")
    failed = a_row(state=State.FAILED, attempted_at=minute(9), error="503")
    gone_later = a_row(state=State.GONE, attempted_at=minute(7), error="410")
    # The latest attempt knows most: what failed after a 404 is no longer known to be gone.
    assert merge_rows(merge_rows(gone, failed), gone_later).error == "503"
    assert merge_rows(gone, merge_rows(failed, gone_later)).error == "503"
    assert merge_rows(gone, gone_later).error == "410"


def test_a_tombstone_holds_until_the_output_is_seen_again() -> None:
    buried = a_row(deleted_at=minute(5))
    assert merge_rows(a_row(), buried).deleted_at == minute(5)
    assert merge_rows(a_row(last_seen_at=minute(5)), buried).deleted_at == minute(5)
    assert merge_rows(a_row(last_seen_at=minute(6)), buried).deleted_at is None
    assert merge_rows(a_row(deleted_at=minute(7)), buried).deleted_at == minute(7)


def test_live_is_what_the_source_counts() -> None:
    assert is_live(a_row())
    assert is_live(a_row(state=State.FAILED))
    assert not is_live(a_row(rendition="upscaled"))
    assert not is_live(a_row(deleted_at=minute(0)))


@pytest.mark.parametrize(
    ("attempts", "hours"), [(0, 0), (1, 1), (2, 2), (3, 4), (8, 128), (9, 168), (12, 168), (2**31 - 1, 168)]
)
def test_a_failed_image_rests_longer_each_time(attempts: int, hours: int) -> None:
    row = a_row(state=State.FAILED, source_url="u", attempts=attempts, attempted_at=minute(0))
    assert retry_delay(attempts) == timedelta(hours=hours)
    assert retry_due(row) == minute(0) + timedelta(hours=hours)


@pytest.mark.parametrize(
    "columns",
    [
        {"state": State.ARCHIVED},
        {"state": State.GONE, "attempts": 3},
        {"deleted_at": DAY},
    ],
)
def test_what_has_not_failed_is_not_retried(columns: dict[str, Any]) -> None:
    failed = a_row(state=State.FAILED, source_url="u", attempts=1, attempted_at=minute(0))
    assert retry_due(failed) is not None
    assert retry_due(replace(failed, **columns)) is None


def test_what_was_never_tried_is_due_from_the_beginning() -> None:
    row = a_row(state=State.FAILED, source_url="u", attempts=0, attempted_at=None)
    assert retry_due(row) == row.first_seen_at


def test_an_output_makes_a_row_of_each_image() -> None:
    output = readable(
        current(image_url="https://b.stablecog.com/a.jpeg?X-Amz-Signature=5", upscaled_image_url="https://h/u.png")
    )
    original, upscaled = (
        row_of(output, rendition, state=State.FAILED, seen_at=minute(3), run_id="r") for rendition in Rendition
    )
    assert original.source_url == "https://b.stablecog.com/a.jpeg"
    assert output.image_url.endswith("?X-Amz-Signature=5")
    assert upscaled.source_url == "https://h/u.png"
    assert original.key != upscaled.key
    assert original.raw == upscaled.raw == output.raw
    assert (original.width, original.prompt, original.created_at) == (output.width, output.prompt, output.created_at)
    assert (original.first_seen_at, original.last_seen_at, original.attempts) == (minute(3), minute(3), 0)


@pytest.mark.parametrize("dialect", [current, documented])
def test_a_row_describes_its_output_until_something_changes(dialect: Any) -> None:
    output = readable(dialect())
    row = row_of(output, Rendition.ORIGINAL, state=State.ARCHIVED, seen_at=minute(3), run_id="r")
    assert describes(row, output)
    assert describes(replace(row, state=State.FAILED, run_id="s", last_seen_at=minute(9)), output)
    assert not describes(row, readable(dialect(is_favorited=True)))
    assert not describes(row, readable(dialect(new_at_the_source=1)))
    assert not describes(replace(row, deleted_at=minute(4)), output)
    assert not describes(replace(row, width=1), output)


def test_an_upscale_that_appears_is_not_described_yet() -> None:
    output = readable(current(upscaled_image_url="https://h/u.png"))
    row = row_of(output, Rendition.UPSCALED, state=State.ARCHIVED, seen_at=minute(3), run_id="r")
    assert describes(row, output)
    assert not describes(row, readable(current()))


def test_an_unreadable_output_becomes_a_failed_row_that_says_why() -> None:
    output = parse_output(current(image_url=None))
    assert isinstance(output, UnreadableOutput)
    row = row_of_unreadable(output, minute(4), "fallback", minute(5), "r")
    assert (row.output_id, row.state, row.attempts, row.attempted_at) == (output.id, State.FAILED, 1, minute(5))
    assert row.created_at == output.created_at
    assert "image_url" in (row.error or "")
    assert is_live(row)
    assert retry_due(row) == minute(5) + timedelta(hours=1), "its place is worth reading again"
    assert describes(row, output)
    assert not describes(row, parse_output(current(image_url=4, like_count=3)))


def test_what_an_unreadable_output_lacks_is_stood_in_for() -> None:
    row = row_of_unreadable(UnreadableOutput(None, "id", "none", "{}"), minute(4), "fallback", minute(5), "r")
    assert (row.output_id, row.created_at) == ("fallback", minute(4))


def test_what_was_read_before_says_more_than_what_cannot_be_read_now() -> None:
    row = row_of(readable(current()), Rendition.ORIGINAL, state=State.ARCHIVED, seen_at=minute(3), run_id="r")
    assert describes(row, parse_output(current(image_url=None)))
    assert not describes(replace(row, deleted_at=minute(4)), parse_output(current(image_url=None)))


def test_a_row_can_always_be_written() -> None:
    row = a_row(error="\ud800" + "x" * MAX_ERROR)
    assert row.error == "?" + "x" * (MAX_ERROR - 1)
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="holds no"):
            a_row(guidance_scale=number)
