"""How busy the cores were, and by whom: a ratio that is missed because others used the machine says nothing of the archive."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field

import psutil


@dataclass(frozen=True, slots=True)
class Busy:
    """Shares of all cores' time: what we and all that we started used, and what everybody else did."""

    ours: float = 0.0
    others: float = 0.0


@dataclass(slots=True)
class Cores:
    """From its making on. What a process used that ended unobserved by its parent counts as the others'."""

    _began: float = field(default_factory=time.monotonic)
    _ours: float = field(default_factory=lambda: _ours())
    _all: float = field(default_factory=lambda: _all())

    def busy(self) -> Busy:
        passed = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        ours, everything = (_ours() - self._ours) / passed, (_all() - self._all) / passed
        return Busy(ours, max(0.0, everything - ours))


def _all() -> float:
    """Seconds that all cores together have been busy since the machine started."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


def _ours() -> float:
    """Seconds that we and our descendants have used; of those that ended, what their parents know."""
    us = psutil.Process()
    used = 0.0
    for each in (us, *us.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            used += sum(each.cpu_times()[:4])
    return used
