"""When each stretch was last read: never claimed to be later than it was, and small."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.model.coverage import Axis, Coverage, Window
from stablecog_provider.model.refreshed import MAX_STRETCHES, RefreshCoverage, Refreshed, condensed, on_axis, read_again

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PLACES = 40


def place(number: int) -> datetime:
    return START + number * HOUR


readings = st.lists(
    st.tuples(st.integers(0, PLACES - 1), st.integers(1, PLACES), st.integers(0, 9)).filter(
        lambda each: each[0] < each[1]
    ),
    max_size=30,
)


def window(start: int, end: int) -> Coverage:
    return Coverage((Window(place(start), place(end)),))


@given(readings)
def test_it_is_what_was_read_last_of_each_place(read: list[tuple[int, int, int]]) -> None:
    stretches: tuple[Refreshed, ...] = ()
    truth: dict[int, datetime] = {}
    for start, end, age in read:
        at = place(1000 + age)
        stretches = read_again(stretches, window(start, end), at)
        truth |= {number: max(at, truth.get(number, at)) for number in range(start, end)}
    found = {
        number: each.at for each in stretches for number in range(PLACES) if each.start <= place(number) < each.end
    }
    assert found == truth
    assert all(one.end <= other.start for one, other in pairwise(stretches))


@given(readings)
def test_the_order_in_which_readings_are_noted_does_not_matter(read: list[tuple[int, int, int]]) -> None:
    results = []
    for order in (read, read[::-1]):
        stretches: tuple[Refreshed, ...] = ()
        for start, end, age in order:
            stretches = read_again(stretches, window(start, end), place(1000 + age))
        results.append(stretches)
    assert results[0] == results[1]


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=200), st.booleans())
def test_it_stays_small_and_claims_nothing_younger(ages: list[int], touching: bool) -> None:
    step = 1 if touching else 2
    every = [Refreshed(place(n * step), place(n * step + 1), place(age)) for n, age in enumerate(ages)]
    kept = condensed(every)
    assert len(kept) <= MAX_STRETCHES
    for each in every:
        assert all(other.at <= each.at for other in kept if other.start <= each.start < other.end)
    if touching:
        assert Coverage.of(each.window for each in kept) == Coverage.of(each.window for each in every)


def test_another_axis_never_claims_more() -> None:
    known = (Refreshed(place(0), place(10), place(1000)), Refreshed(place(10), place(20), place(900)))
    moved = on_axis(known, Axis.REQUESTED, Axis.COMPLETED)
    covered = Coverage((Window(place(0), place(20)),)).on(Axis.REQUESTED, Axis.COMPLETED)
    assert not Coverage.of(each.window for each in moved).subtract(covered)
    assert min(each.at for each in moved) == place(900)


def test_a_day_is_as_old_as_its_oldest_part() -> None:
    live = {START.date(): 10, (START + DAY).date(): 20, (START + 2 * DAY).date(): 5}
    covered = Coverage((Window(START - DAY, START + 3 * DAY),))
    now = START + 40 * DAY
    read = (
        Refreshed(START - DAY, START + HOUR, now - 20 * DAY),
        Refreshed(START + HOUR, START + 2 * DAY, now - 2 * DAY),
    )
    found = RefreshCoverage.of(live, covered, read, now)
    assert (found.outputs, found.never, found.oldest) == (35, 5, now - 20 * DAY)
    assert dict(found.within_days) == {"1": 0, "7": 20, "30": 30, "90": 30}
