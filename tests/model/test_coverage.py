"""Coverage is a set of instants: every operation is compared with the same one on sets of whole numbers."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.model.coverage import MAX_LATENCY, Axis, Coverage, Window
from stablecog_provider.model.times import BEGINNING

SIZE = 40
ZERO = BEGINNING + timedelta(days=1)


def at(number: float) -> datetime:
    return ZERO + timedelta(seconds=number)


spans = st.tuples(st.integers(0, SIZE - 1), st.integers(1, SIZE)).filter(lambda span: span[0] < span[1])
lists = st.lists(spans, max_size=6)


def windows(pairs: list[tuple[int, int]]) -> list[Window]:
    return [Window(at(start), at(end)) for start, end in pairs]


def numbers(pairs: list[tuple[int, int]]) -> set[int]:
    return {number for start, end in pairs for number in range(start, end)}


def members(coverage: Coverage) -> set[int]:
    return {number for number in range(-1, SIZE + 1) if at(number) in coverage}


def assert_normal(coverage: Coverage) -> None:
    ends = [end for window in coverage for end in (window.start, window.end)]
    assert ends == sorted(set(ends))


@given(lists)
def test_of_holds_the_instants_of_its_windows(pairs: list[tuple[int, int]]) -> None:
    coverage = Coverage.of(windows(pairs))
    assert members(coverage) == numbers(pairs)
    assert bool(coverage) == bool(pairs)
    assert_normal(coverage)


@given(lists, st.randoms())
def test_the_same_set_is_the_same_value(pairs: list[tuple[int, int]], random: object) -> None:
    one = Coverage.of(windows(pairs))
    apart = [(number, number + 1) for number in numbers(pairs)]
    random.shuffle(apart)  # type: ignore[attr-defined]
    assert Coverage.of(windows(apart)) == one
    assert hash(Coverage.of(windows(apart))) == hash(one)


@given(lists, lists)
def test_merge_subtract_and_intersect_are_those_of_sets(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    a, b = Coverage.of(windows(one)), Coverage.of(windows(other))
    for result, expected in (
        (a.merge(b), numbers(one) | numbers(other)),
        (a.subtract(b), numbers(one) - numbers(other)),
        (a.intersect(b), numbers(one) & numbers(other)),
    ):
        assert members(result) == expected
        assert_normal(result)


@given(lists, spans)
def test_gaps_are_what_a_stretch_lacks(pairs: list[tuple[int, int]], within: tuple[int, int]) -> None:
    coverage, stretch = Coverage.of(windows(pairs)), Window(at(within[0]), at(within[1]))
    gaps = coverage.gaps(stretch)
    assert members(gaps) == numbers([within]) - numbers(pairs)
    assert not coverage.merge(gaps).gaps(stretch)


@given(lists)
def test_the_watermark_is_the_end_of_the_first_unbroken_stretch(pairs: list[tuple[int, int]]) -> None:
    covered = numbers(pairs)
    expected = None
    if covered:
        end = min(covered)
        while end in covered:
            end += 1
        expected = at(end)
    assert Coverage.of(windows(pairs)).watermark == expected


LATENCY = int(MAX_LATENCY.total_seconds())
edges = st.integers(0, 6 * LATENCY)
outputs = st.lists(st.tuples(edges, st.integers(0, LATENCY)), max_size=60)
long_lists = st.lists(st.tuples(edges, edges).filter(lambda span: span[0] < span[1]), max_size=4)


@given(long_lists, outputs, st.sampled_from(Axis))
def test_a_change_of_axis_claims_only_what_is_known(
    pairs: list[tuple[int, int]], seen: list[tuple[int, int]], was: Axis
) -> None:
    """Every output that the new claim speaks of must be one that the old claim had archived."""
    coverage = Coverage.of(windows(pairs))
    axis = Axis.REQUESTED if was is Axis.COMPLETED else Axis.COMPLETED
    claimed = coverage.on(axis, was)
    for requested, latency in [*seen, *((edge, latency) for edge in sum(pairs, ()) for latency in (0, LATENCY))]:
        g, o = at(requested), at(requested + latency)
        new, old = (o, g) if axis is Axis.COMPLETED else (g, o)
        assert new not in claimed or old in coverage


@given(long_lists, st.sampled_from(Axis))
def test_a_change_of_axis_gives_up_at_most_the_latency_an_edge(pairs: list[tuple[int, int]], was: Axis) -> None:
    coverage = Coverage.of(windows(pairs))
    assert coverage.on(was, was) is coverage
    (other,) = set(Axis) - {was}
    for lost in coverage.subtract(coverage.on(other, was)):
        assert lost.end - lost.start <= MAX_LATENCY


def test_what_begins_at_the_beginning_keeps_its_beginning() -> None:
    coverage = Coverage.of([Window(BEGINNING, at(0))])
    assert coverage.on(Axis.COMPLETED, Axis.REQUESTED) == coverage


def test_what_is_settled_depends_on_the_axis() -> None:
    assert Axis.COMPLETED.settling == timedelta(seconds=30)
    assert Axis.REQUESTED.settling == MAX_LATENCY


@pytest.mark.parametrize(("start", "end"), [(at(1), at(1)), (at(2), at(1))])
def test_a_window_is_not_empty(start: datetime, end: datetime) -> None:
    with pytest.raises(ValueError, match="empty window"):
        Window(start, end)


def test_a_window_has_time_zones() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Window(at(0).replace(tzinfo=None), at(1).replace(tzinfo=None))


@pytest.mark.parametrize("pairs", [[(3, 4), (1, 2)], [(1, 3), (2, 4)], [(1, 2), (2, 3)]])
def test_the_constructor_takes_only_normal_windows(pairs: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="rise and not touch"):
        Coverage(tuple(windows(pairs)))
