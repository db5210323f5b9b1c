"""Python's search for cyclic garbage, made rare while images are copied.

A copied image leaves no cycle behind, and one that failed at most its last chunk (of its body, none:
tests/archive/test_transfer_costs.py), so that there is next to nothing to be found; but the search begins anew at every 700
objects and looks at all that a run holds. Of bodies that break off over HTTP, 15 MB come together before it begins.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS = 20_000


@contextmanager
def rarely_collected() -> Iterator[None]:
    """What stands now is left out of the search, which begins only once `OBJECTS` more have come together."""
    before = gc.get_threshold()
    gc.freeze()
    if 0 < before[0] < OBJECTS:
        gc.set_threshold(OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
