"""The source's listing of models: everything but the ids is optional, and nothing of it can be trusted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.errors import SourceContradiction
from stablecog_provider.model.model_listing import MAX_LISTED, MAX_NAME, ListedModel, parse_models

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=10,
)


def listing(*models: Any) -> dict[str, Any]:
    return {"models": [*models]}


def test_reads_what_the_service_sends() -> None:
    found = parse_models(
        listing(
            {
                "id": "m1", "name": "Luna", "is_default": True, "default_width": 768, "default_height": 512,
                "available_schedulers": [{"id": "s1", "name": "Euler"}, {"id": "s2"}],
            },
            {"id": "m2", "available_schedulers": [{"id": "s1", "name": "Euler"}]},
        )
    )  # fmt: skip
    assert found.models == (ListedModel("m1", "Luna", True, 768, 512), ListedModel("m2"))
    assert found.schedulers == (ListedModel("s1", "Euler"), ListedModel("s2"))
    assert found.whole_models
    assert found.whole_schedulers


@pytest.mark.parametrize("document", [None, [], "models", {}, {"models": "none"}, {"models": {}}, {"error": "no"}])
def test_refuses_what_is_no_list_of_models(document: Any) -> None:
    with pytest.raises(SourceContradiction, match="no list of models"):
        parse_models(document)


def test_refuses_a_list_of_thousands() -> None:
    with pytest.raises(SourceContradiction, match=f"more than {MAX_LISTED}"):
        parse_models(listing(*({"id": f"m{number}"} for number in range(MAX_LISTED + 1))))


@pytest.mark.parametrize("model", [None, 7, "m1", [], {}, {"id": 7}, {"id": ""}, {"id": "../x"}, {"id": "x" * 129}])
def test_leaves_out_a_model_without_a_usable_id_and_says_that_the_list_is_not_whole(model: Any) -> None:
    found = parse_models(listing(model, {"id": "m2", "available_schedulers": []}))
    assert found.models == (ListedModel("m2"),)
    assert not found.whole_models
    assert not found.whole_schedulers


@pytest.mark.parametrize("schedulers", [None, "s1", {}, [7], [{"id": None}], [{"id": f"s{n}"} for n in range(501)]])
def test_schedulers_that_cannot_be_read_make_their_list_not_whole(schedulers: Any) -> None:
    found = parse_models(listing({"id": "m1", "available_schedulers": schedulers}))
    assert found.whole_models
    assert not found.whole_schedulers


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (" Stable\n Diffusion ", "Stable Diffusion"),
        ("a\x1b[31mb\u202ec", "a\ufffd[31mb\ufffdc"),
        ("x" * 10_000, "x" * MAX_NAME),
        ("https://user:pass@host/a?signature=1", "https://host/a"),
        ("", None),
        (7, None),
        (["x"], None),
    ],
)
def test_a_name_is_one_short_printable_line(name: Any, shown: str | None) -> None:
    (model,) = parse_models(listing({"id": "m1", "name": name})).models
    assert model.name == shown


@pytest.mark.parametrize("value", [True, 0, -1, 2**31, 7.5, "768", None])
def test_a_size_is_a_number_of_pixels(value: Any) -> None:
    (model,) = parse_models(listing({"id": "m1", "default_width": value, "is_default": "yes"})).models
    assert (model.default_width, model.is_default) == (None, None)


@given(JSON)
def test_any_document_is_read_or_refused(document: Any) -> None:
    try:
        parse_models({"models": document})
    except SourceContradiction:
        assert not isinstance(document, list | None)
