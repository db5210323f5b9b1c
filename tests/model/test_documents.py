"""A value written as a document is read back as it was, and what is no such document is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.test_output import documents
from stablecog_provider.model.coverage import Coverage, Window
from stablecog_provider.model.documents import document_of, value_of

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = date(2026, 11, 21)
WRONG = (TypeError, ValueError, LookupError)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Leaf:
    name: str
    count: int = 0
    at: datetime | None = None


@dataclass(frozen=True)
class Tree:
    """One member of every kind that documents have."""

    whole: bool
    share: float
    colour: Colour
    day: date
    coverage: Coverage
    leaves: tuple[Leaf, ...] = ()
    by_day: Mapping[date, Leaf] = field(default_factory=dict)
    by_name: dict[str, int] = field(default_factory=dict)
    best: Leaf | None = None


instants = st.datetimes(timezones=st.just(UTC))
counts = st.integers(0, 2**63)
windows = st.tuples(instants, instants).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: Window(*pair))
leaves = st.builds(Leaf, st.text(), counts, st.none() | instants)
trees = st.builds(
    Tree,
    whole=st.booleans(),
    share=st.floats(allow_nan=False, allow_infinity=False),
    colour=st.sampled_from(Colour),
    day=st.dates(),
    coverage=st.lists(windows, max_size=3).map(Coverage.of),
    leaves=st.lists(leaves, max_size=3).map(tuple),
    by_day=st.dictionaries(st.dates(), leaves, max_size=3),
    by_name=st.dictionaries(st.text(), counts, max_size=3),
    best=st.none() | leaves,
)
TREE = Tree(True, 0.5, Colour.RED, TODAY, Coverage((Window(NOON, NOON + timedelta(hours=1)),)))


@given(trees, st.booleans())
def test_what_is_written_is_read_back(tree: Tree, sparse: bool) -> None:
    document = json.loads(json.dumps(document_of(tree, sparse=sparse)))
    assert value_of(Tree, document) == tree


@given(leaves)
def test_a_sparse_document_lacks_the_members_that_have_their_default(leaf: Leaf) -> None:
    told = {name: value for name, value in document_of(leaf).items() if name == "name" or value not in (0, None)}
    assert document_of(leaf, sparse=True) == told


def test_each_kind_has_its_shape() -> None:
    leaf = Leaf("a", 3, NOON)
    tree = Tree(True, 0.5, Colour.RED, TODAY, TREE.coverage, (leaf,), {TODAY: Leaf("b")}, {"c": 1})
    written = {"name": "a", "count": 3, "at": "2026-11-21T12:00:00.000000Z"}
    assert document_of(tree) == {
        "whole": True,
        "share": 0.5,
        "colour": "red",
        "day": "2026-11-21",
        "coverage": [["2026-11-21T12:00:00.000000Z", "2026-11-21T13:00:00.000000Z"]],
        "leaves": [written],
        "by_day": {"2026-11-21": {"name": "b", "count": 0, "at": None}},
        "by_name": {"c": 1},
        "best": None,
    }
    assert document_of(tree, sparse=True)["by_day"] == {"2026-11-21": {"name": "b"}}


def test_an_instant_of_another_zone_is_written_in_utc() -> None:
    berlin = datetime(2026, 11, 21, 13, tzinfo=timezone(timedelta(hours=1)))
    assert document_of(berlin) == "2026-11-21T12:00:00.000000Z"


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", timedelta(1), object()])
def test_what_has_no_shape_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        document_of([value])


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        document_of(datetime(2026, 11, 21))  # noqa: DTZ001


@pytest.mark.parametrize(
    "members",
    [
        {"whole": 1},
        {"whole": "true"},
        {"whole": None},
        {"share": "0.5"},
        {"share": True},
        {"colour": "green"},
        {"colour": ["red"]},
        {"day": "20261121"},
        {"day": "2026-11-31"},
        {"day": 20261121},
        {"coverage": None},
        {"coverage": [["2026-11-21T12:00:00Z"]]},
        {"coverage": [["2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z"]]},
        {"coverage": [[1, 2]]},
        {"leaves": {}},
        {"leaves": None},
        {"leaves": [None]},
        {"leaves": [{}]},
        {"leaves": [{"name": 5}]},
        {"leaves": [{"name": "a", "count": -1}]},
        {"leaves": [{"name": "a", "count": True}]},
        {"leaves": [{"name": "a", "count": 1.0}]},
        {"leaves": [{"name": "a", "at": "2026-11-21"}]},
        {"leaves": [{"name": "a", "at": "2026-11-21T12:00:00"}]},
        {"leaves": [{"name": "a", "at": 5}]},
        {"by_day": []},
        {"by_day": {"2026-11-21": None}},
        {"by_day": {"today": {"name": "a"}}},
        {"by_name": {"a": -1}},
        {"best": "a"},
    ],
    ids=str,
)
def test_a_value_of_another_type_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(WRONG):
        value_of(Tree, document_of(TREE) | members)


@pytest.mark.parametrize("member", ["whole", "share", "colour", "day", "coverage"])
def test_a_member_without_a_default_is_required(member: str) -> None:
    document = document_of(TREE)
    del document[member]
    with pytest.raises(LookupError, match=f"`{member}` is missing"):
        value_of(Tree, document)


def test_members_that_are_not_known_are_left_to_who_knows_them() -> None:
    assert value_of(Tree, document_of(TREE) | {"watermark": 5}) == TREE


@given(st.dictionaries(st.sampled_from(sorted(document_of(TREE))), documents, max_size=3))
def test_any_document_is_read_or_refused(members: dict[str, Any]) -> None:
    try:
        read = value_of(Tree, document_of(TREE) | members)
    except WRONG:
        return
    assert value_of(Tree, document_of(read)) == read
