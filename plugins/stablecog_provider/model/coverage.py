"""Coverage: the set of windows proven archived, kept as sorted, disjoint, non-touching half-open windows.

The watermark is derived from it, never assigned. The algebra (merge, subtract, gaps) is that of sets of instants, and is
property-tested as such. The idea of merged intervals is that of Airbyte's concurrent cursor; here they are values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from .times import BEGINNING

MAX_LATENCY = timedelta(seconds=300)
"""`D`: an output completes at most this long after its generation was requested (the server gives up at 240 s)."""


def is_slow(requested: datetime, completed: datetime | None) -> bool:
    """Whether an output is known to have taken longer than is assumed."""
    return completed is not None and completed - requested >= MAX_LATENCY


class Axis(StrEnum):
    """The time on which coverage is claimed."""

    COMPLETED = "completed"
    """`output.created_at`: when the output became visible."""
    REQUESTED = "requested"
    """`generation.created_at`: all that a source without output times lets us claim."""

    @property
    def settling(self) -> timedelta:
        """How old an instant must be before nothing can appear there any more."""
        return timedelta(seconds=30) if self is Axis.COMPLETED else MAX_LATENCY


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A half-open stretch `[start, end)` of an axis; both ends aware, `start < end`. Raises ValueError for anything else."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError(f"a window's ends need a time zone: {self.start} to {self.end}")
        if not self.start < self.end:
            raise ValueError(f"empty window: {self.start} to {self.end}")

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end


@dataclass(frozen=True, slots=True)
class Coverage:
    """An immutable set of instants. `Coverage.of(windows)` accepts any order and overlap; the constructor, which raises
    ValueError otherwise, only windows that rise and do not touch.
    """

    windows: tuple[Window, ...] = ()

    def __post_init__(self) -> None:
        if any(later.start <= earlier.end for earlier, later in pairwise(self.windows)):
            raise ValueError("windows of a coverage must rise and not touch; Coverage.of() merges any")

    @classmethod
    def of(cls, windows: Iterable[Window]) -> Coverage:
        merged: list[Window] = []
        for window in sorted(windows):
            if merged and window.start <= merged[-1].end:
                merged[-1] = Window(merged[-1].start, max(merged[-1].end, window.end))
            else:
                merged.append(window)
        return cls(tuple(merged))

    def __bool__(self) -> bool:
        return bool(self.windows)

    def __iter__(self) -> Iterator[Window]:
        return iter(self.windows)

    def __contains__(self, instant: datetime) -> bool:
        return any(instant in window for window in self.windows)

    def merge(self, other: Coverage) -> Coverage:
        """The union."""
        return Coverage.of((*self.windows, *other.windows))

    def subtract(self, other: Coverage) -> Coverage:
        """What is in this and not in `other`."""
        left: list[Window] = []
        for window in self.windows:
            start = window.start
            for hole in other.windows:
                if hole.end <= start or hole.start >= window.end:
                    continue
                if start < hole.start:
                    left.append(Window(start, hole.start))
                start = max(start, hole.end)
            if start < window.end:
                left.append(Window(start, window.end))
        return Coverage.of(left)

    def intersect(self, other: Coverage) -> Coverage:
        return self.subtract(self.subtract(other))

    def gaps(self, within: Window) -> Coverage:
        """What this lacks of `within`."""
        return Coverage((within,)).subtract(self)

    @property
    def watermark(self) -> datetime | None:
        """The end of the first unbroken stretch; None if there is none."""
        return self.windows[0].end if self.windows else None

    def on(self, axis: Axis, was: Axis) -> Coverage:
        """The same knowledge claimed on the other axis; what cannot be carried over is given up (at most `MAX_LATENCY`
        an edge). Rests on `requested <= completed <= requested + MAX_LATENCY`.
        """
        if axis is was:
            return self
        carried = []
        for window in self.windows:
            start, end = window.start, window.end
            if axis is Axis.REQUESTED:
                end -= MAX_LATENCY
            elif start > BEGINNING:
                start += MAX_LATENCY
            if start < end:
                carried.append(Window(start, end))
        return Coverage.of(carried)

    def around(self, axis: Axis, was: Axis) -> Coverage:
        """Where on the other axis all lies that this holds: widened by `MAX_LATENCY`, where `on` gives up as much."""
        if axis is was:
            return self
        before, behind = (MAX_LATENCY, timedelta(0)) if axis is Axis.REQUESTED else (timedelta(0), MAX_LATENCY)
        return Coverage.of(Window(window.start - before, window.end + behind) for window in self.windows)
