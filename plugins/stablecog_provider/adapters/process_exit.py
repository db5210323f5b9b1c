"""Lets obstore's threads finish before Python finalizes.

A thread of obstore's that asks for the GIL during finalization aborts the process up to CPython 3.13 (python/cpython#87135; seen
in 2 of 100 short processes). A process that ends with `os._exit`, as the command line does, needs none of this.
"""

from __future__ import annotations

import atexit
import time
from functools import cache

SECONDS_FOR_THREADS = 0.05


@cache
def wait_for_threads_at_exit() -> None:
    """Delay this process's exit by `SECONDS_FOR_THREADS`. Calling it again changes nothing."""
    atexit.register(time.sleep, SECONDS_FOR_THREADS)
