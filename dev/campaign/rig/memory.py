"""Measures peak memory as the kernel counts it, so that memory of native libraries is included."""

from __future__ import annotations

import ctypes
import gc
import re
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MIB = 1024 * 1024
LIMIT = 768 * MIB
"""Upper limit of the growth: one page, its rows and the images in flight together."""
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak:
    """`highest`: the largest growth over the memory held at creation. `where`: the name of that case.

    If the kernel cannot reset its high-water mark, growth is counted from the first peak on, so it is never too high.
    """

    def __init__(self) -> None:
        self.highest, self.where = 0, ""
        _release()
        self._before = _peak_since(reset=True)

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        _release()
        _peak_since(reset=True)
        yield
        growth = _peak_since() - self._before
        if growth > self.highest:
            self.highest, self.where = growth, name


def _peak_since(*, reset: bool = False) -> int:
    """Return the high-water mark in bytes. `reset` sets it to the memory held now."""
    if reset and sys.platform == "linux":
        with suppress(OSError):
            _RESET.write_text("5")
    if _STATUS.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
        if found:
            return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _release() -> None:
    """Free garbage and let the C library return it, so that memory left by one case does not hide that of the next."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
