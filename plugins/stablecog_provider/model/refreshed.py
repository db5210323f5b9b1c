"""When each stretch of the history was last read from the source: small enough for the checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from .coverage import Axis, Coverage, Window
from .verification import WITHIN_DAYS

MAX_STRETCHES = 48
"""Stretches that are kept. A rotating reading leaves one per run, and neighbours are joined."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """All that the source lists from `start` to before `end` was last read at `at`, or later."""

    start: datetime
    end: datetime
    at: datetime

    @property
    def window(self) -> Window:
        return Window(self.start, self.end)


def read_again(stretches: Iterable[Refreshed], read: Coverage, at: datetime) -> tuple[Refreshed, ...]:
    """The stretches after `read` was read at `at`. What is known to have been read later stays as it is."""
    stretches = tuple(stretches)
    later = Coverage.of(each.window for each in stretches if each.at > at)
    fresh = read.subtract(later)
    kept = [
        Refreshed(window.start, window.end, each.at)
        for each in stretches
        for window in Coverage((each.window,)).subtract(fresh)
    ]
    kept += [Refreshed(window.start, window.end, at) for window in fresh]
    return condensed(kept)


def on_axis(stretches: Iterable[Refreshed], axis: Axis, before: Axis) -> tuple[Refreshed, ...]:
    """The same knowledge on another axis, never more of it."""
    found: tuple[Refreshed, ...] = ()
    for each in sorted(stretches, key=lambda each: each.at):
        found = read_again(found, Coverage((each.window,)).on(axis, before), each.at)
    return found


def condensed(stretches: Iterable[Refreshed]) -> tuple[Refreshed, ...]:
    """At most `MAX_STRETCHES`, rising. Of two neighbours that become one, the earlier reading stands for both. If none touch, the
    shortest is dropped and counts as never read: nothing is claimed to be fresher than it is.
    """
    kept: list[Refreshed] = []
    for each in sorted(stretches, key=lambda each: each.start):
        if kept and kept[-1].end == each.start and kept[-1].at == each.at:
            kept[-1] = Refreshed(kept[-1].start, each.end, each.at)
        else:
            kept.append(each)
    while len(kept) > MAX_STRETCHES:
        touching = [number for number in range(len(kept) - 1) if kept[number].end == kept[number + 1].start]
        if touching:
            number = min(touching, key=lambda first: abs(kept[first + 1].at - kept[first].at))
            one, other = kept[number : number + 2]
            kept[number : number + 2] = [Refreshed(one.start, other.end, min(one.at, other.at))]
        else:
            kept.remove(min(kept, key=lambda each: each.end - each.start))
    return tuple(kept)


@dataclass(frozen=True, slots=True)
class RefreshCoverage:
    """How recently the source's listing was read for what is covered.

    `outputs`: live outputs of the archive. `never`: those of days of which it is not known when they were last read. `oldest`:
    since when all others have been read; None if none has. `within_days`: outputs of days that were read within so many days.
    """

    outputs: int = 0
    never: int = 0
    oldest: datetime | None = None
    within_days: Mapping[str, int] = field(default_factory=lambda: {str(days): 0 for days in WITHIN_DAYS})

    @classmethod
    def of(
        cls, live: Mapping[date, int], coverage: Coverage, stretches: Iterable[Refreshed], now: datetime
    ) -> RefreshCoverage:
        """`live`: number of live outputs per day. A day counts as read when the first of its covered parts was."""
        stretches = sorted(stretches, key=lambda each: each.start)
        known = Coverage.of(each.window for each in stretches)
        unknown = coverage.subtract(known)
        read: list[tuple[datetime, int]] = []
        never, first = 0, 0
        for day in sorted(live):
            start = datetime.combine(day, time(), UTC)
            window = Window(start, start + timedelta(days=1))
            while first < len(stretches) and stretches[first].end <= window.start:
                first += 1
            ats: list[datetime] = []
            for each in stretches[first:]:
                if each.start >= window.end:
                    break
                ats.append(each.at)
            if not ats or unknown.intersect(Coverage((window,))):
                never += live[day]
            else:
                read.append((min(ats), live[day]))
        return cls(
            outputs=sum(live.values()),
            never=never,
            oldest=min((at for at, outputs in read if outputs), default=None),
            within_days={
                str(days): sum(outputs for at, outputs in read if at >= now - timedelta(days=days))
                for days in WITHIN_DAYS
            },
        )
