"""Listings come in any order and more than once, and no name is lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.model import register
from stablecog_provider.model.model_listing import ListedModel
from stablecog_provider.model.names import Names
from stablecog_provider.model.register import Register, doubtful, left_out, observed

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STABLE = tuple(ListedModel(f"stable{number}", f"Stable {number}") for number in range(4))
"""In every listing, so that what a listing lacks is never more than half."""

EMPTY = Register()

models = st.builds(
    ListedModel,
    st.sampled_from("abcd"),
    st.sampled_from([None, "Luna", "Kandinsky", "SDXL"]),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, 512, 768]),
)
Listing = tuple[datetime, Sequence[ListedModel]]
listings = st.tuples(
    st.integers(0, 6).map(lambda hours: START + HOUR * hours),
    st.lists(models, max_size=5).map(lambda some: [*STABLE, *some]),
)


def after(*history: Listing, known: Register = EMPTY) -> Register:
    return reduce(lambda found, each: observed(found, each[1], each[0]), history, known)


def at(hours: float, *ids: str) -> Listing:
    return START + HOUR * hours, [ListedModel(each, each.upper()) for each in ids]


def facts(of: Register) -> dict[str, object]:
    """What must not depend on the order of the listings."""
    return {
        key: (
            each.first_seen_at,
            each.last_seen_at,
            each.names,
            each.is_default,
            each.default_width,
            each.retired_at is None,
        )
        for key, each in of.entries.items()
    }


@given(st.lists(listings, max_size=6), st.randoms())
def test_the_order_of_listings_does_not_matter(history: list[Listing], random: object) -> None:
    shuffled = [*history]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert facts(after(*shuffled)) == facts(after(*history))
    assert after(*shuffled).listed_at == after(*history).listed_at


@given(st.lists(listings, max_size=6), listings)
def test_a_listing_again_changes_nothing(history: list[Listing], again: Listing) -> None:
    once = after(*history, again)
    assert after(again, known=once) == once
    # An older one may show that something had retired earlier; nothing else.
    assert facts(after(*history, known=once)) == facts(once)


@given(st.lists(st.tuples(st.integers(0, 500), st.lists(models, max_size=5)), max_size=8))
def test_nothing_that_was_seen_is_forgotten(history: list[tuple[int, list[ListedModel]]]) -> None:
    found = after(*((START + HOUR * hours, listed) for hours, listed in history))
    for hours, listed in history:
        for each in listed:
            entry = found.entries[each.id]
            assert entry.first_seen_at <= START + HOUR * hours <= entry.last_seen_at
            assert each.name is None or each.name in {name.text for name in entry.names}
    for entry in found.entries.values():
        assert entry.retired_at is None or entry.retired_at > entry.last_seen_at


@given(st.lists(listings, min_size=1, max_size=6))
def test_what_the_newest_listing_lacks_is_retired_and_nothing_else(history: list[Listing]) -> None:
    found = after(*history)
    newest = max(moment for moment, _ in history)
    present = {each.id for moment, listed in history if moment == newest for each in listed}
    assert {key for key, each in found.entries.items() if each.retired_at is None} == present


def test_a_model_that_retires_keeps_its_name_and_when() -> None:
    found = after(at(0, "a", "b"), at(1, "a", "b"), at(2, "a"), at(3, "a"))
    gone = found.entries["b"]
    assert (gone.name, gone.last_seen_at, gone.retired_at) == ("B", START + HOUR, START + 2 * HOUR)
    back = after(at(4, "a", "b"), known=found).entries["b"]
    assert (back.first_seen_at, back.retired_at) == (START, None)


def test_an_older_listing_that_arrives_later_retires_nothing_that_was_seen_since() -> None:
    found = after(at(0, "a", "b"), at(5, "a", "b"), at(3, "a"))
    assert found.entries["b"].retired_at is None
    assert after(at(0, "a", "b"), at(5, "a"), at(3, "a", "b")).entries["b"].retired_at == START + 5 * HOUR


def test_a_renamed_model_has_its_last_name_and_keeps_the_others() -> None:
    found = observed(after(at(0, "a")), [ListedModel("a", "New")], START + HOUR)
    assert [name.text for name in found.entries["a"].names] == ["New", "A"]
    nameless = observed(found, [ListedModel("a")], START + 2 * HOUR)
    assert nameless.entries["a"].name == "New"


def test_names_of_one_id_are_bounded_and_the_last_ones_are_kept() -> None:
    history = [(START + HOUR * number, [ListedModel("a", f"name {number:02}")]) for number in range(30)]
    kept = [name.text for name in after(*history).entries["a"].names]
    assert kept == [f"name {number:02}" for number in range(29, 19, -1)]
    assert after(*history[::-1]) == after(*history)


def test_an_empty_list_retires_nothing_until_it_has_lasted() -> None:
    known = after(at(0, "a", "b", "c"))
    assert doubtful(known, [], START + HOUR)
    soon = after(at(1), at(24), known=known)
    assert all(each.retired_at is None for each in soon.entries.values())
    assert soon.listed_at == START
    late = after(at(24 * 7), known=soon)
    assert {each.retired_at for each in late.entries.values()} == {START + 7 * DAY}


def test_a_list_that_lacks_more_than_half_is_doubted_but_its_names_are_kept() -> None:
    found = after(at(0, "a", "b", "c"), at(1, "a", "d"))
    assert found.entries["d"].name == "D"
    assert found.entries["b"].retired_at is None
    assert found.listed_at == START


def test_a_list_that_is_not_whole_retires_nothing() -> None:
    found = observed(
        after(at(0, "a", "b", "c")), [ListedModel("a", "A"), ListedModel("b", "B")], START + HOUR, whole=False
    )
    assert found.entries["c"].retired_at is None
    assert found.entries["a"].last_seen_at == START + HOUR


def test_invented_ids_do_not_push_out_what_is_registered() -> None:
    known = after(at(0, "a"))
    many = [ListedModel(f"x{number}") for number in range(register.MAX_REGISTERED)]
    found = observed(known, many, START + HOUR)
    assert len(found.entries) == register.MAX_REGISTERED
    assert "a" in found.entries
    assert left_out(found, many) == 1


def test_an_id_that_no_listing_named_says_so() -> None:
    listed = [ListedModel("22b0857d-7edc", "SDXL"), ListedModel("986d447d-c38b", "SDXL"), ListedModel("c", "Luna")]
    listed.append(ListedModel("d"))
    names = Names.of("model", observed(Register(), listed, START))
    assert names.name("c") == "Luna"
    assert names.name("22b0857d-7edc") == "SDXL (22b0857d…)"
    assert names.name("8acf0123-9b9b") == "unknown model 8acf0123…"
    assert names.name("d") == "unknown model d"
