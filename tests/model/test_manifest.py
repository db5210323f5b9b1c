from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from typing import Any, get_args, get_type_hints

import pytest

from stablecog_provider.model import manifest
from stablecog_provider.model.manifest import (
    COLUMNS,
    MAX_ERROR,
    SCHEMA_VERSION,
    Row,
    State,
    describes,
    row_of,
    row_of_unreadable,
)
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.model.output import Output, UnreadableOutput, parse_output
from support.documents import current, documented
from support.rows import a_row, minute


def readable(document: Any) -> Output:
    output = parse_output(document)
    assert isinstance(output, Output)
    return output


COLUMNS_OF_VERSION = {3: (48, "732f39dc0d0e3270")}
"""The number of columns, and a checksum of them: a new column needs a new version, or every stored partition lacks it."""


def test_new_columns_have_a_new_schema_version() -> None:
    checksum = hashlib.sha256(repr(COLUMNS).encode()).hexdigest()[:16]
    assert COLUMNS_OF_VERSION[SCHEMA_VERSION] == (len(COLUMNS), checksum)


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
        "is_public run_id raw attempted_at attempted_url archived_url missing_at found_at earlier_images "
        "gone_since"
    )
    assert " ".join(name for name, _, _ in COLUMNS) == names


def test_an_output_makes_a_row_of_each_image() -> None:
    output = readable(
        current(image_url="https://b.stablecog.com/a.jpeg?X-Amz-Signature=5", upscaled_image_url="https://h/u.png")
    )
    original, upscaled = (row_of(output, rendition, seen_at=minute(3), run_id="r") for rendition in Rendition)
    assert original.source_url == "https://b.stablecog.com/a.jpeg?", "there was a query, and it is not stored"
    assert output.image_url.endswith("?X-Amz-Signature=5")
    assert upscaled.source_url == "https://h/u.png"
    assert original.key != upscaled.key
    assert original.raw == upscaled.raw == output.raw
    assert (original.width, original.prompt, original.created_at) == (output.width, output.prompt, output.created_at)
    assert (original.first_seen_at, original.last_seen_at, original.attempts) == (minute(3), minute(3), 0)


@pytest.mark.parametrize("dialect", [current, documented])
def test_a_row_describes_its_output_until_something_changes(dialect: Any) -> None:
    output = readable(dialect())
    row = row_of(output, Rendition.ORIGINAL, seen_at=minute(3), run_id="r")
    assert describes(row, output)
    assert describes(replace(row, state=State.FAILED, run_id="s", last_seen_at=minute(9)), output)
    assert not describes(row, readable(dialect(is_favorited=True)))
    assert not describes(row, readable(dialect(new_at_the_source=1)))
    assert not describes(replace(row, deleted_at=minute(4)), output)
    assert not describes(replace(row, width=1), output)


def test_an_upscale_that_appears_is_not_described_yet() -> None:
    output = readable(current(upscaled_image_url="https://h/u.png"))
    row = row_of(output, Rendition.UPSCALED, seen_at=minute(3), run_id="r")
    assert describes(row, output)
    assert not describes(row, readable(current()))


def test_an_unreadable_output_becomes_a_failed_row_that_says_why() -> None:
    output = parse_output(current(image_url=None))
    assert isinstance(output, UnreadableOutput)
    row = row_of_unreadable(output, minute(4), "fallback", minute(5), "r")
    assert (row.output_id, row.state, row.attempts, row.attempted_at) == (output.id, State.FAILED, 1, minute(5))
    assert row.created_at == output.created_at
    assert "image_url" in (row.error or "")
    assert describes(row, output)
    assert not describes(row, parse_output(current(image_url=4, like_count=3)))


def test_what_an_unreadable_output_lacks_is_stood_in_for() -> None:
    row = row_of_unreadable(UnreadableOutput(None, "id", "none", "{}"), minute(4), "fallback", minute(5), "r")
    assert (row.output_id, row.created_at) == ("fallback", minute(4))


def test_what_was_read_before_says_more_than_what_cannot_be_read_now() -> None:
    row = row_of(readable(current()), Rendition.ORIGINAL, seen_at=minute(3), run_id="r")
    assert describes(row, parse_output(current(image_url=None)))
    assert not describes(replace(row, deleted_at=minute(4)), parse_output(current(image_url=None)))


def test_a_row_can_always_be_written() -> None:
    row = a_row(error="\ud800" + "x" * MAX_ERROR)
    assert row.error == "?" + "x" * (MAX_ERROR - 1)
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="holds no"):
            a_row(guidance_scale=number)
