"""Makes Python's cyclic garbage collector run rarely while images are copied. The command line and the operator call it.

A copied image leaves no cycle; a failed one leaves at most its last chunk (tests/archive/copying/test_transfer_costs.py). So
there is next to nothing to collect, but by default the collector starts after every 700 new objects and looks at all that a run
holds. If bodies break off over HTTP, about 15 MB accumulate before it starts.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS = 20_000


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Exclude the objects that exist now from collection, and start it only after `OBJECTS` new ones; restore both at the end."""
    before = gc.get_threshold()
    gc.freeze()
    if 0 < before[0] < OBJECTS:
        gc.set_threshold(OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
