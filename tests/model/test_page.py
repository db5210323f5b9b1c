from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.test_output import documents
from stablecog_provider.errors import SourceContradiction
from stablecog_provider.model.output import UnreadableOutput
from stablecog_provider.model.page import MAX_TOKEN, Page, parse_page
from support.documents import current, documented

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def page(**members: Any) -> Page:
    return parse_page({"outputs": [], **members}, NOW)


def test_a_page_of_the_documented_dialect() -> None:
    read = page(outputs=[documented(), documented(id="b")], total_count=215, next="2023-05-27T01:30:40.7934Z")
    assert [output.id for output in read.readable] == [documented()["id"], "b"]
    assert (read.total, read.next, read.source_time) == (215, "2023-05-27T01:30:40.7934Z", NOW)


def test_a_page_of_the_current_dialect() -> None:
    read = page(outputs=[current()], total=3)
    assert len(read.readable) == 1
    assert (read.total, read.next) == (3, None)


def test_an_unreadable_output_does_not_spoil_its_page() -> None:
    read = page(outputs=[current(), None, current(id="b")])
    assert [type(output) is UnreadableOutput for output in read.outputs] == [False, True, False]
    assert len(read.readable) == 2


@pytest.mark.parametrize(
    ("members", "total"),
    [
        ({}, None),
        ({"total": 0}, 0),
        ({"total_count": None, "total": 4}, 4),
        ({"total_count": 2, "total": 4}, 2),
        ({"total": -1}, None),
        ({"total": True}, None),
        ({"total": "4"}, None),
        ({"total": 4.0}, None),
    ],
)
def test_a_total_is_a_count_or_nothing(members: dict[str, Any], total: int | None) -> None:
    assert page(**members).total == total


@pytest.mark.parametrize(("token", "read"), [(None, None), ("", None), ("a", "a"), (0, "0"), (5, "5"), (-1, "-1")])
def test_a_token_is_text_or_number(token: object, read: str | None) -> None:
    assert page(next=token).next == read


@pytest.mark.parametrize(
    "token", [1.5, True, [], {}, "a\nb", "\ud800", "a" * (MAX_TOKEN + 1), 2**63, 10**5000], ids=lambda _: ""
)
def test_a_token_that_no_address_can_contain_is_a_contradiction(token: object) -> None:
    with pytest.raises(SourceContradiction, match="next"):
        page(next=token)


@pytest.mark.parametrize(
    "document", [None, [], "text", 5, {}, {"error": "no"}, {"outputs": {}}, {"outputs": "none"}, {"outputs": 0}]
)
def test_a_document_that_is_not_a_page_is_not_taken_for_an_empty_one(document: object) -> None:
    with pytest.raises(SourceContradiction, match="not a page"):
        parse_page(document, NOW)


def test_the_servers_null_is_an_empty_page() -> None:
    assert page(outputs=None).outputs == ()


@given(documents | st.fixed_dictionaries({"outputs": documents}, optional={"next": documents, "total": documents}))
def test_any_document_is_a_page_or_a_contradiction(document: Any) -> None:
    try:
        read = parse_page(document, NOW)
    except SourceContradiction:
        return
    assert len(read.outputs) == len(document["outputs"] or ())
