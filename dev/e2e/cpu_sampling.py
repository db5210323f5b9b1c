"""CPU use of a run and of everything else: a ratio measured while others used the machine says nothing about the archive."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field

import psutil


@dataclass(frozen=True, slots=True)
class CpuShares:
    """Shares of the time of all cores: that of our processes and their children, and that of all other processes."""

    ours: float = 0.0
    others: float = 0.0


@dataclass(slots=True)
class CpuSampler:
    """Measures from its creation on. The time of processes that ended without being waited for counts as that of others."""

    _began: float = field(default_factory=time.monotonic)
    _ours: float = field(default_factory=lambda: _ours())
    _all: float = field(default_factory=lambda: _all())

    def shares(self) -> CpuShares:
        passed = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        ours, everything = (_ours() - self._ours) / passed, (_all() - self._all) / passed
        return CpuShares(ours, max(0.0, everything - ours))


def _all() -> float:
    """Return the seconds that all cores together have been busy since the machine started."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


def _ours() -> float:
    """Return the CPU seconds of this process and its descendants, including ended ones that were waited for."""
    us = psutil.Process()
    used = 0.0
    for each in (us, *us.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            used += sum(each.cpu_times()[:4])
    return used
