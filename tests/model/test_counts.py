"""Two counts of one place: whether they agree, and when a place that differs is worth reading again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stablecog_provider.model.counts import LONGEST_PAUSE, CountComparison, Difference, Proof
from stablecog_provider.model.coverage import Window

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLACE = Window(NOON, NOON + HOUR)


def a_difference(looks: int = 0) -> Difference:
    return Difference(PLACE.start, PLACE.end, 5, 3, NOON, NOON + HOUR, looks)


@pytest.mark.parametrize(("source", "manifest", "surplus"), [(3, 3, 0), (5, 3, 2), (3, 5, -2), (0, 0, 0)])
def test_counts_agree_only_if_they_are_equal(source: int, manifest: int, surplus: int) -> None:
    compared = CountComparison(PLACE, source, manifest)
    assert (compared.agrees, compared.surplus) == (surplus == 0, surplus)
    assert Proof(PLACE.start, PLACE.end, source, manifest, NOON).agrees == (surplus == 0)


@pytest.mark.parametrize("counts", [(-1, 0), (0, -1)])
def test_a_negative_count_is_a_programming_error(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="negative"):
        CountComparison(PLACE, *counts)


def test_a_difference_that_nobody_has_looked_at_is_due_at_once() -> None:
    assert a_difference().due == a_difference().looked_at


@pytest.mark.parametrize(("looks", "hours"), [(1, 1), (2, 2), (3, 4), (8, 128), (9, 168), (10_000, 168)])
def test_a_difference_rests_longer_after_each_look(looks: int, hours: int) -> None:
    assert a_difference(looks).due - a_difference(looks).looked_at == timedelta(hours=hours) <= LONGEST_PAUSE


def test_a_look_in_vain_keeps_the_place_and_takes_over_the_counts() -> None:
    looked = a_difference(2).looked(CountComparison(PLACE, 9, 8), NOON + 9 * HOUR)
    assert looked == Difference(PLACE.start, PLACE.end, 9, 8, NOON, NOON + 9 * HOUR, 3)
    assert (looked.window, looked.surplus) == (PLACE, 1)
