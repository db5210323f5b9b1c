"""The search for cyclic garbage is rare while a world is open, and as it was before once it is closed."""

from __future__ import annotations

import gc
from contextlib import suppress

from stablecog_provider.adapters.garbage import OBJECTS, rarely_collected


def test_it_is_rare_inside_and_as_before_outside() -> None:
    before = gc.get_threshold()
    with rarely_collected():
        assert gc.get_threshold() == (OBJECTS, *before[1:])
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_it_is_as_before_where_the_run_fails() -> None:
    before = gc.get_threshold()
    with suppress(ZeroDivisionError), rarely_collected():
        raise ZeroDivisionError
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_a_second_one_inside_does_not_end_the_first() -> None:
    before = gc.get_threshold()
    with rarely_collected():
        with rarely_collected():
            pass
        assert gc.get_threshold()[0] == OBJECTS
    assert gc.get_threshold() == before


def test_where_it_is_switched_off_it_stays_off() -> None:
    before = gc.get_threshold()
    gc.set_threshold(0)
    try:
        with rarely_collected():
            assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before)
