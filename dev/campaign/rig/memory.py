"""How much memory something takes at its peak, as the kernel counts it: what native libraries hold is in it."""

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
"""More than before: what one page, its rows and the images in flight may take together."""
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak:
    """`highest`: the largest growth over the memory held when this was made, and `where` it was. Where the kernel cannot
    forget its high-water mark, growth is counted from the first peak on, and so never too high.
    """

    def __init__(self) -> None:
        self.highest, self.where = 0, ""
        _give_back()
        self._before = _peak_since(reset=True)

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        _give_back()
        _peak_since(reset=True)
        yield
        growth = _peak_since() - self._before
        if growth > self.highest:
            self.highest, self.where = growth, name


def _peak_since(*, reset: bool = False) -> int:
    """The high-water mark in bytes; `reset` sets it to what is held now."""
    if reset and sys.platform == "linux":
        with suppress(OSError):
            _RESET.write_text("5")
    if _STATUS.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
        if found:
            return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _give_back() -> None:
    """Free what is garbage, and let the C library return it, so that one case's leavings do not hide another's appetite."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
