"""Counts of outputs: the source's, compared with the manifest's. Windows are on the requested axis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .coverage import Coverage, Window

LONGEST_PAUSE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class CountComparison:
    """Both counts of one window. `counted`: whether the source named its count; if not, nothing agrees."""

    window: Window
    source: int
    manifest: int
    counted: bool = True

    def __post_init__(self) -> None:
        if self.source < 0 or self.manifest < 0:
            raise ValueError(f"a count is negative: {self.source}, {self.manifest}")

    @property
    def agrees(self) -> bool:
        return self.counted and self.source == self.manifest

    @property
    def surplus(self) -> int:
        """Outputs that the source counts beyond those that the manifest holds; negative if it counts fewer."""
        return self.source - self.manifest


@dataclass(frozen=True, slots=True)
class Proof:
    """What the source counted in `[start, end)`, against what the manifest held there. `stretches`: the parts that were
    compared each on its own, so that a loss and a deletion in two of them could not cancel out. `left_out`: what was not
    compared between them, because it was not covered then; neither count includes it.
    """

    start: datetime
    end: datetime
    source: int
    manifest: int
    checked_at: datetime
    stretches: int = 1
    left_out: Coverage = Coverage()

    @property
    def agrees(self) -> bool:
        return self.source == self.manifest

    @property
    def compared(self) -> Coverage:
        return Coverage((Window(self.start, self.end),)).subtract(self.left_out)


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where the counts differ, remembered until they agree. `looks`: how often it was read again in vain; `looked_at`:
    when last. `expected`: the manifest's surplus may be deletions that nobody has consented to.
    """

    start: datetime
    end: datetime
    source: int
    manifest: int
    first_seen_at: datetime
    looked_at: datetime
    looks: int = 0

    @property
    def window(self) -> Window:
        return Window(self.start, self.end)

    @property
    def surplus(self) -> int:
        return self.source - self.manifest

    @property
    def due(self) -> datetime:
        """When it is worth reading again though neither count has changed: after 1, 2, 4 ... hours, at most a week."""
        pause = timedelta(hours=2 ** min(self.looks - 1, 10)) if self.looks else timedelta(0)
        return self.looked_at + min(pause, LONGEST_PAUSE)

    def looked(self, comparison: CountComparison, at: datetime) -> Difference:
        """The same place, read again at `at` in vain."""
        return replace(self, source=comparison.source, manifest=comparison.manifest, looked_at=at, looks=self.looks + 1)
