"""Limits that a monitor sets: how old may what is known of an archive be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from ...errors import ConfigurationError
from ...model.checkpoint import Checkpoint
from ...model.object_keys import day_of
from ...model.verification import is_believed
from .wording import at, counted

LATE_RUNS = 2
"""A verdict is out of date if it is older than so many intervals of the last runs."""
SLACK = timedelta(hours=1)
"""Runs take time, and schedulers are late."""
LEAST_STARTS = 3
"""So many runs show an interval; fewer may have been started by hand."""


@dataclass(frozen=True, slots=True)
class Limits:
    """None is no limit. `lag`: age of the newest covered instant, and of the verdict. `unverified`: time since stored bytes were
    verified. `unrefreshed`: time since metadata was read. Raises ConfigurationError if one is not positive.
    """

    lag: timedelta | None = None
    unverified: timedelta | None = None
    unrefreshed: timedelta | None = None

    def __post_init__(self) -> None:
        for name in ("lag", "unverified", "unrefreshed"):
            value = getattr(self, name)
            if value is not None and value <= timedelta(0):
                raise ConfigurationError(f"max_{name}: {value} is not a duration above 0", hint="write 36h or 30d")


def broken_limits(checkpoint: Checkpoint, limits: Limits, now: datetime) -> tuple[str, ...]:
    """A sentence on each limit that is broken: the option, what it allows, and what is."""
    return (
        *_lag(checkpoint, limits, now),
        *_unverified(checkpoint, limits, now),
        *_unrefreshed(checkpoint, limits, now),
    )


def _lag(checkpoint: Checkpoint, limits: Limits, now: datetime) -> list[str]:
    newest = checkpoint.coverage.windows[-1].end if checkpoint.coverage else None
    if limits.lag is None or (newest is not None and now - newest <= limits.lag):
        return []
    covered = f"the newest covered instant is {at(newest)}" if newest else "nothing is covered"
    return [f"--max-lag {_short(limits.lag)} is broken: {covered}. Start a run, or look why the last ones did not end."]


def _unverified(checkpoint: Checkpoint, limits: Limits, now: datetime) -> list[str]:
    if limits.unverified is None:
        return []
    since, images, oldest = now - limits.unverified, 0, None
    for day, each in checkpoint.partitions.items():
        stamps = [stamp for stamp in each.verified if is_believed(stamp.at, now)]
        stale = [stamp for stamp in stamps if stamp.at < since]
        images += sum(stamp.images for stamp in stale)
        oldest = min(filter(None, (oldest, *(stamp.at for stamp in stale))), default=None)
        if day < day_of(since):
            # What is younger than the limit was hashed when it was copied, within the limit.
            images += max(0, each.images.archived - sum(stamp.images for stamp in stamps))
    if not images:
        return []
    ages = f", the oldest verified at {at(oldest)}" if oldest else ""
    return [
        f"--max-unverified {_short(limits.unverified)} is broken: {counted(images, 'image was', 'images were')} not verified "
        f"for longer, or never{ages}. `stablecog-archive verify` verifies them."
    ]


def _unrefreshed(checkpoint: Checkpoint, limits: Limits, now: datetime) -> list[str]:
    if limits.unrefreshed is None:
        return []
    found = checkpoint.refresh(now)
    late = found.oldest is not None and found.oldest < now - limits.unrefreshed
    if not late and not found.never:
        return []
    oldest = (
        f"the oldest metadata was read at {at(found.oldest)}" if found.oldest else "nothing is known to have been read"
    )
    never = f"; of {counted(found.never, 'output')} it is not known" if found.never and found.oldest else ""
    return [
        f"--max-unrefreshed {_short(limits.unrefreshed)} is broken: {oldest}{never}. `stablecog-archive refresh` reads it again; "
        "`run --refresh-within` keeps it fresh."
    ]


def _short(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    return f"{hours / 24:g}d" if hours % 24 == 0 else f"{hours:g}h"


def schedule_of(starts: list[datetime]) -> timedelta | None:
    """The interval at which runs start: the median of the gaps between the last ones; None if too few are known."""
    starts = sorted(starts)
    gaps = sorted(later - earlier for earlier, later in pairwise(starts))
    return gaps[len(gaps) // 2] if len(starts) >= LEAST_STARTS else None


def allowed_age(limits: Limits, schedule: timedelta | None) -> timedelta | None:
    """How old a verdict may be: the limit if one is set, else by the schedule; None if neither is known."""
    if limits.lag is not None:
        return limits.lag
    return None if schedule is None else schedule * LATE_RUNS + SLACK
