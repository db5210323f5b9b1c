from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.model.coverage import Axis
from stablecog_provider.model.output import (
    MAX_DEPTH,
    MAX_RAW,
    Output,
    UnreadableOutput,
    identity,
    instant_on,
    parse_output,
    without_secrets,
)
from support.documents import Document, current, documented

SIGNED = "X-Amz-Signature=5ec4e7"


def readable(document: object) -> Output:
    output = parse_output(document)
    assert isinstance(output, Output), output
    return output


def unreadable(document: object) -> UnreadableOutput:
    output = parse_output(document)
    assert isinstance(output, UnreadableOutput)
    return output


def test_the_documented_dialect() -> None:
    output = readable(documented())
    assert output.id == "563b8beb-c158-4665-b629-6daf7f12088d"
    assert output.generation_id == "9ef99e16-b906-4754-9f76-f24f939ee83e"
    assert output.created_at == datetime(2023, 5, 27, 1, 30, 40, 793400, UTC)
    assert output.started_at == datetime(2023, 5, 27, 1, 30, 40, 880073, UTC)
    assert output.completed_at == datetime(2023, 5, 27, 1, 30, 47, 170866, UTC)
    assert (output.output_created_at, output.output_updated_at, output.is_public, output.like_count) == (None,) * 4
    assert (output.width, output.height, output.inference_steps, output.seed) == (512, 768, 30, 267064719)
    assert output.guidance_scale == 7.0
    assert (output.prompt_id, output.prompt) == (
        "b0106b9a-f210-4e9d-b391-4de3a2d51a00",
        "red cat wearing a purple hat",
    )
    assert (output.gallery_status, output.is_favorited, output.was_auto_submitted) == ("not_submitted", False, False)


def test_the_current_dialect() -> None:
    output = readable(current(upscaled_image_url="https://b.stablecog.com/u.png"))
    assert output.output_created_at == datetime(2023, 5, 27, 1, 30, 47, 200000, UTC)
    assert output.output_updated_at == datetime(2023, 5, 28, tzinfo=UTC)
    assert output.upscaled_image_url == "https://b.stablecog.com/u.png"
    assert (output.is_public, output.like_count, output.num_outputs) == (True, 2, 4)
    assert (output.negative_prompt, output.prompt_strength) == ("dogs", 0.25)


def test_raw_keeps_all_but_identity_siblings_and_signatures() -> None:
    raw = json.loads(readable(current(brand_new={"deep": [1, None, 0.5]})).raw)
    expected = current(brand_new={"deep": [1, None, 0.5]})
    del expected["generation"]["user"], expected["generation"]["init_image_url"]
    assert raw == expected
    assert "outputs" not in json.loads(readable(documented()).raw)["generation"]


def test_raw_does_not_depend_on_the_order_of_members() -> None:
    assert readable(current()).raw == readable(dict(reversed(current().items()))).raw


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": None}, "id"),
        ({"id": 5}, "id"),
        ({"id": "../../etc"}, "id"),
        ({"id": "a" * 129}, "id"),
        ({"image_url": None}, "image_url"),
        ({"image_url": ""}, "image_url"),
        ({"image_url": "ftp://h/a.png"}, "image_url"),
        ({"image_url": "file:///etc/passwd"}, "image_url"),
        ({"image_url": "https:///a.png"}, "image_url"),
        ({"image_url": "https://[::1/a.png"}, "image_url"),
        ({"image_url": "https://h:99999/a.png"}, "image_url"),
        ({"image_url": "https://h:x/a.png"}, "image_url"),
        ({"image_url": "https://good\\@evil/a.png"}, "image_url"),
        ({"image_url": "https://h/a\nb.png"}, "image_url"),
        ({"image_url": "https://h/\ud800.png"}, "image_url"),
        ({"image_url": "https://h/" + "a" * 2048}, "image_url"),
        ({"generation": None}, "generation"),
        ({"generation": []}, "generation"),
        ({"generation": {}}, "generation.created_at"),
        ({"generation": {"created_at": 1685151040}}, "generation.created_at"),
        ({"generation": {"created_at": "1023-05-27T01:30:40Z"}}, "generation.created_at"),
        ({"generation": {"created_at": "2023-05-27T01:30:40Z"}}, "generation.id"),
        ({"generation": {"created_at": "2023-05-27T01:30:40Z", "id": "a/b"}}, "generation.id"),
    ],
)
def test_what_cannot_be_archived_says_which_field_is_the_trouble(change: Document, field: str) -> None:
    output = unreadable(current() | change)
    assert output.field == field
    assert f"field {field}" in str(output.error)
    assert output.id == (None if field == "id" else current()["id"])
    assert (output.created_at is None) == (field in ("generation", "generation.created_at"))


@pytest.mark.parametrize("document", [None, 5, "text", [], True, 0.5])
def test_what_is_no_object_is_unreadable(document: object) -> None:
    assert unreadable(document).field == "(output)"


@pytest.mark.parametrize(
    ("member", "value", "read"),
    [
        ("seed", 2**63 - 1, 2**63 - 1),
        ("seed", 2**63, None),
        ("seed", -(2**63), -(2**63)),
        ("seed", 1e18, 10**18),
        ("seed", "5", None),
        ("seed", True, None),
        ("width", 2**31, None),
        ("width", 2**31 - 1, 2**31 - 1),
        ("width", 768.0, 768),
        ("width", 768.5, None),
        ("width", float("nan"), None),
        ("width", float("inf"), None),
        ("guidance_scale", 10**400, None),
        ("guidance_scale", float("nan"), None),
        ("guidance_scale", 7, 7.0),
        ("guidance_scale", True, None),
        ("started_at", "yesterday", None),
        ("completed_at", "9999-12-31T23:59:59Z", None),
        ("model_id", 5, None),
    ],
)
def test_a_garbled_optional_value_is_none_and_stands_in_raw(member: str, value: object, read: object) -> None:
    output = readable(current({member: value}))
    assert getattr(output, member) == read
    assert f'"{member}":' in output.raw


def test_any_prompt_is_kept() -> None:
    text = '=cmd|"/c calc"!A1 <script>\0 😀 e\u0301 \u202e \ufeff see https://h/p?X-Amz-Signature=1'
    output = readable(current({"prompt": {"id": "p", "text": text}}))
    assert output.prompt == text
    assert json.loads(output.raw)["generation"]["prompt"]["text"] == text


def test_lone_surrogates_cannot_be_stored_and_are_replaced() -> None:
    output = readable(current({"prompt": {"text": "a\ud800b"}}, gallery_status="\udfff"))
    assert (output.prompt, output.gallery_status) == ("a?b", "?")
    assert json.loads(output.raw)["gallery_status"] == "\udfff"


def test_the_query_of_an_image_is_kept_for_the_copy_and_nowhere_else() -> None:
    url = f"https://b.stablecog.com/a.jpeg?{SIGNED}"
    output = readable(current(image_url=url))
    assert output.image_url == url
    assert json.loads(output.raw)["image_url"] == "https://b.stablecog.com/a.jpeg"


@pytest.mark.parametrize(
    "text",
    [
        f"https://h/a?{SIGNED}",
        f"HTTPS://h/a?x='&{SIGNED}",
        f" https://h/a#{SIGNED}",
        f"failed to fetch https://h/a?{SIGNED}: 403",
        f"s3://bucket/key?{SIGNED}",
        f"https://user:{SIGNED}@h/a",
        f"https://h?{SIGNED}",
        f"https://one/a?{SIGNED} https://two/b?{SIGNED}",
    ],
)
def test_secrets_of_addresses_are_cut_wherever_they_stand(text: str) -> None:
    assert SIGNED not in without_secrets(text)
    for place in (text, [text], {"x": {"y": [text]}}, {text: 1}):
        assert SIGNED not in parse_output(current(note=place)).raw
        assert SIGNED not in parse_output(place).raw


@pytest.mark.parametrize("member", ["gallery_status", "model_id", "scheduler_id"])
def test_no_label_holds_a_signature(member: str) -> None:
    url = f"https://h/a?{SIGNED}"
    assert getattr(readable(current({member: url}, **{member: url})), member) == "https://h/a"


@pytest.mark.parametrize("text", ["", "what? #1", "a://b?c", "https://h/a@b/c", "mailto:a@b?c"])
def test_other_text_is_left_alone(text: str) -> None:
    assert without_secrets(text) == text


def test_an_error_shows_no_secret() -> None:
    output = unreadable(current(image_url=f"gopher://user:{SIGNED}@h/a?{SIGNED}"))
    assert SIGNED not in f"{output.error} {output.reason} {output.raw}"
    assert "gopher://h/a" in output.reason


def test_ids_that_differ_by_case_are_two_outputs() -> None:
    assert readable(current(id="abc")).id != readable(current(id="ABC")).id


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}], ids=["lists", "objects"])
def test_nesting_without_end_is_cut(wrap: Any) -> None:
    deep: Any = "bottom"
    for _ in range(100_000):
        deep = wrap(deep)
    try:
        output = readable(current(deep=deep))
        assert "(nested too deeply)" in output.raw
        assert len(output.raw) < 2_000 + 8 * MAX_DEPTH
        unreadable(current(generation_id=deep) | {"generation": deep})
        unreadable(deep)
    finally:
        # Taken apart by hand: letting go of it all at once may exhaust the stack of the interpreter.
        while deep != "bottom":
            (deep,) = deep if isinstance(deep, list) else deep.values()


def test_an_enormous_output_is_cut_to_its_beginning() -> None:
    output = readable(current({"prompt": {"text": '"' * MAX_RAW}}))
    assert output.prompt == '"' * MAX_RAW
    assert len(output.raw) <= MAX_RAW + 100
    assert json.loads(output.raw)["cut"].startswith('{"created_at":')


def test_numbers_that_json_cannot_say_stand_as_text() -> None:
    raw = json.loads(readable(current(a=float("nan"), b=float("-inf"), c=1 << 40_000)).raw)
    assert (raw["a"], raw["b"]) == ("nan", "-inf")
    assert int(raw["c"], 16) == 1 << 40_000


def test_of_a_repeated_member_the_last_counts() -> None:
    text = json.dumps(current())
    document = json.loads('{"id": "first", ' + text[1:])
    assert readable(document).id == current()["id"]


def test_an_output_has_an_instant_on_each_axis_if_the_source_gives_it() -> None:
    both, one = readable(current()), readable(documented())
    assert instant_on(Axis.REQUESTED, both) == both.created_at
    assert instant_on(Axis.COMPLETED, both) == both.output_created_at
    assert (instant_on(Axis.REQUESTED, one), instant_on(Axis.COMPLETED, one)) == (one.created_at, None)


def test_an_output_without_a_readable_id_has_the_same_identity_at_every_reading() -> None:
    assert identity(readable(current())) == current()["id"]
    first, again, other = (identity(unreadable(current(id=7, seed=seed))) for seed in (1, 1, 2))
    assert first == again != other


SAID_IN_FULL = ("image_url", "upscaled_image_url", "prompt", "negative_prompt", "raw")
texts = st.text(st.characters(codec=None)) | st.sampled_from(
    [
        "2023-05-27T01:30:40Z",
        "9999-99-99T99:99:99Z",
        f"https://h/a?{SIGNED}",
        "http://[",
        "a\0",
        "\ud800",
        "https://h:-1/",
    ]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([10**4000, -(1 << 14_000)])
    | st.floats()
    | texts
)
names = st.sampled_from([*current(), *current()["generation"], "text", "user", "outputs", "upscaled_image_url"]) | texts
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6), max_leaves=20
)


@given(
    documents
    | st.builds(lambda members: current() | members, st.dictionaries(names, documents, max_size=4))
    | st.builds(lambda members: current(generation=members), st.dictionaries(names, documents, max_size=4))
)
def test_any_document_is_an_output_or_an_unreadable_one(document: object) -> None:
    output = parse_output(document)
    raw = json.loads(output.raw, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert output.raw.isascii()
    with suppress(KeyError, TypeError):
        del raw["generation"]["prompt"]
    with suppress(KeyError, TypeError):
        del raw["generation"]["negative_prompt"]
    assert SIGNED not in json.dumps(raw)
    for field in fields(output):
        value = getattr(output, field.name)
        if isinstance(value, str):
            value.encode("utf-8")
            assert SIGNED not in value or field.name in SAID_IN_FULL
    if isinstance(output, UnreadableOutput):
        str(output.error).encode("utf-8")
