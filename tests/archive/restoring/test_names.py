"""File names: every system accepts them, none leaves the folder, and two images never share one."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.archive.restoring.names import BOTH, FIELDS, FileNames
from stablecog_provider.errors import ConfigurationError
from stablecog_provider.model.manifest import Row

AT = datetime(2026, 11, 21, 9, 30, 15, tzinfo=UTC)
ROW = Row(
    output_id="0b2a7c1e-55aa-4d7e-9a3f-000000000001",
    rendition="original",
    created_at=AT,
    state="archived",
    content_type="image/jpeg",
    prompt="A fox, at dusk",
    first_seen_at=AT,
    last_seen_at=AT,
    run_id="r",
    raw="{}",
)
TEMPLATES = [
    "{date}/{id}.{rendition}",
    "{id}-{rendition}",
    "{prompt}/{rendition} {id}",
    "{prompt} {id} {date} {rendition}",
    "{year}/{month}/{day}/{time} {id} {prompt}/{rendition}",
    "{prompt}.{id}/{seed}x{rendition}",
    "{model_id}/{prompt}{id}/{generation_id}{rendition}",
]
WINDOWS = set('<>:"/\\|?*')
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "123456789")}

IDS = st.one_of(
    st.uuids().map(str),
    st.uuids().map(lambda each: str(each).upper()),
    st.from_regex(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}", fullmatch=True),
)
TEXTS = st.one_of(
    st.none(),
    st.text(),
    st.sampled_from(["con", "NUL", "..", "a/b", "../../etc", "com¹", "x." * 90, "é" * 300, "\0\n\u202e"]),
)
ROWS = st.builds(
    lambda output_id, rendition, prompt, model, generation, seed: replace(
        ROW,
        output_id=output_id,
        rendition=rendition,
        prompt=prompt,
        model_id=model,
        generation_id=generation,
        seed=seed,
    ),
    IDS,
    st.sampled_from(["original", "upscaled"]),
    TEXTS,
    TEXTS,
    TEXTS,
    st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
)


def folded(name: str) -> str:
    """The name as the least distinguishing file system compares it."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFKC", name.casefold()))


@pytest.mark.parametrize("template", TEMPLATES)
@given(row=ROWS)
def test_every_system_accepts_every_name(template: str, row: Row) -> None:
    name = FileNames.of(template).name(row)
    parts = name.split("/")
    assert len(parts) == template.count("/") + 1
    for part in parts:
        assert 0 < len(f"{part}.json".encode()) <= 255
        assert not WINDOWS & set(part)
        assert part.isprintable()
        assert part[-1] not in " ."
        assert part[0] not in " ."
        assert part.partition(".")[0].strip().upper() not in RESERVED
        assert unicodedata.normalize("NFC", part) == part
    assert name.endswith(".jpeg")


@pytest.mark.parametrize("template", TEMPLATES)
@given(one=ROWS, other=ROWS)
def test_two_images_never_share_a_name(template: str, one: Row, other: Row) -> None:
    names = FileNames.of(template)
    assert (folded(names.name(one)) == folded(names.name(other))) == (
        one.key == other.key and names.name(one) == names.name(other)
    )


@pytest.mark.parametrize("template", TEMPLATES)
@given(row=ROWS)
def test_ids_that_differ_in_case_alone_get_names_that_differ_in_more(template: str, row: Row) -> None:
    names, other = FileNames.of(template), replace(row, output_id=row.output_id.swapcase())
    assert other.output_id == row.output_id or folded(names.name(row)) != folded(names.name(other))


def test_a_prompt_that_imitates_another_image_changes_nothing() -> None:
    other = "11111111-2222-4333-8444-555555555555"
    names = FileNames.of("{prompt} {id}.{rendition}")
    imitator = replace(ROW, prompt=f"A {other}.original")
    assert names.name(imitator) != names.name(replace(ROW, output_id=other, prompt="A"))


def test_the_default_is_day_id_and_rendition() -> None:
    assert FileNames.of("{date}/{id}.{rendition}").name(ROW) == (
        "2026-11-21/0b2a7c1e-55aa-4d7e-9a3f-000000000001.original.jpeg"
    )
    assert FileNames.of("{time} {id} {prompt}", "original").name(ROW) == (
        "093015 0b2a7c1e-55aa-4d7e-9a3f-000000000001 A-fox-at-dusk.jpeg"
    )


def test_every_field_can_be_used() -> None:
    for field in FIELDS:
        assert FileNames.of(f"{{{field}}}/{{id}}.{{rendition}}").name(ROW)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("", "no name"),
        ("/{id}", "no name"),
        ("{id}/", "no name"),
        ("{id}//{rendition}", "no name"),
        ("../{id}.{rendition}", "begins with a space or a dot"),
        ("a./{id}.{rendition}", "ends with a space or a dot"),
        ("{id}.{rendition}.", "ends with a space or a dot"),
        ("{date}", r"needs \{id\}"),
        ("{id}", r"needs \{rendition\}"),
        ("{prompt}{id}{seed}/{rendition}", "any length on both sides"),
        ("{seed}{rendition}{prompt}/{id}", "any length on both sides"),
        ("{id}{nonsense}", r"no field \{nonsense\}"),
        ("{id", "single '{'"),
        ("id}", "single '}'"),
        ("{{id}}", "single '{'"),
        ("{id!r}", "no field {id!r}"),
        ("{id}.{rendition}:x", "not allowed"),
        ("c:\\{id}", "not allowed"),
        ("{id}~{rendition}", "not allowed"),
        ("\0{id}", "not allowed"),
        ("x" * 200 + "{id}.{rendition}", "more than 240 bytes"),
        ("a/" * 9 + "{id}.{rendition}", "more than 8 folders"),
    ],
)
def test_a_template_that_cannot_be_used_is_named_with_its_cause(template: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as refused:
        FileNames.of(template, BOTH)
    assert "{prompt}" in refused.value.hint
