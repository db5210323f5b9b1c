"""Faults happen as planned, and the rate limit is a sliding second."""

from __future__ import annotations

from stablecog_provider.simulator.faults import Fault, Faults, RateLimit


def test_a_fault_obeys_times_and_after() -> None:
    faults = Faults()
    faults.on_api(Fault(status=503, times=2, after=1))
    faults.on_api(Fault(status=500))
    struck = [fault.status if (fault := faults.strike_api()) else None for _ in range(5)]
    assert struck == [None, 503, 503, 500, None]


def test_a_lasting_fault_lasts_until_cleared() -> None:
    faults = Faults()
    faults.on_image("a.png", Fault(times=None))
    assert all(faults.strike_image("a.png") for _ in range(9))
    assert faults.strike_image("b.png") is None
    assert faults.strike_api() is None
    faults.clear()
    assert faults.strike_image("a.png") is None


def test_any_image_is_the_next_one_requested() -> None:
    faults = Faults()
    faults.on_image(Faults.any_image, Fault(status=403))
    assert faults.strike_image("a.png") == Fault(status=403)
    assert faults.strike_image("b.png") is None


def test_the_rate_limit_is_a_sliding_second_for_each_client() -> None:
    times = iter([0.0, 0.5, 0.9, 0.9, 1.0, 1.2, 1.5])
    limit = RateLimit(2, ticker=lambda: next(times))
    assert [limit.admit(client) for client in ("a", "a", "a", "b", "a", "a", "a")] == [
        (1, 0),
        (0, 0),
        (0, 1),
        (1, 0),
        (0, 0),
        (0, 1),
        (0, 0),
    ]
