"""The simulator's clock runs at its rate."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stablecog_provider.simulator.clock import SimulatedClock
from stablecog_provider.simulator.world import World


def test_a_running_clock_runs_at_its_rate() -> None:
    ticks = iter([10.0, 12.0, 15.0, 16.0])
    start = World.empty().present
    clock = SimulatedClock(start, rate=60, ticker=lambda: next(ticks))
    assert clock.now() == start + timedelta(minutes=2)
    clock.set(start)
    assert clock.now() == start + timedelta(minutes=1)


def test_a_clock_needs_a_time_zone() -> None:
    naive = World.empty().present.replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        SimulatedClock(naive)
    with pytest.raises(ValueError, match="time zone"):
        SimulatedClock(World.empty().present).set(naive)
