"""Intents: the days whose partition a process is about to write, saved in the checkpoint before it writes them.

A partition is written before the checkpoint that counts it. If the process is killed between the two, and the store's listing
still shows the earlier version, only the intent reveals the change. Whoever reads the checkpoint therefore looks these days up
one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

from ...model.checkpoint import Checkpoint, Forgetting, Intent

LONGEST_COMMIT = timedelta(hours=1)
"""No commit takes as long. An intent that is older belongs to a process that was killed, or that failed."""


def announced(found: Checkpoint, run_id: str, days: Iterable[date], now: datetime) -> Checkpoint:
    """The checkpoint with this process's intent to write the partitions of `days`, besides those that it has announced."""
    others = concluded(found, run_id).intents
    own = {day for each in found.intents if each.run_id == run_id for day in each.days}
    return replace(found, intents=(*others, Intent(run_id, tuple(sorted(own.union(days))), now)))


def concluded(found: Checkpoint, run_id: str, left: Collection[date] = ()) -> Checkpoint:
    """The checkpoint without the process's intent, but for the days that are `left`."""
    others = [each for each in found.intents if each.run_id != run_id]
    own = [replace(each, days=_both(each.days, left)) for each in found.intents if each.run_id == run_id]
    return replace(found, intents=(*others, *(each for each in own if each.days)))


def _both(days: Iterable[date], others: Collection[date]) -> tuple[date, ...]:
    return tuple(day for day in days if day in others)


def abandoned(found: Checkpoint, now: datetime) -> tuple[Intent, ...]:
    """The intents that no living process can have. `now`: when the run began, so that later ones are no surprise."""
    return tuple(each for each in found.intents if not _is_alive(each, now))


def is_announced(found: Checkpoint, day: date, run_id: str) -> bool:
    """Whether the run has announced that it writes the day's partition, and has not saved it yet."""
    return any(each.run_id == run_id and day in each.days for each in found.intents)


def intended_days(found: Checkpoint) -> set[date]:
    """The days that a process meant to write and has not saved yet."""
    return {day for each in found.intents for day in each.days}


def storing(found: Checkpoint, run_id: str, days: Iterable[date], now: datetime) -> Checkpoint:
    """The checkpoint with a note that this process is about to store images of `days`, or has stored some that have no row yet;
    without those of processes that were killed.
    """
    others = tuple(each for each in found.storing if each.run_id != run_id and _is_alive(each, now))
    own = (Intent(run_id, tuple(sorted(days)), now),) if days else ()
    return replace(found, storing=(*others, *own))


def all_forgotten(found: Checkpoint, run_id: str, continued: Collection[Forgetting], now: datetime) -> Checkpoint:
    """The checkpoint once a forget has deleted everything, of its own and of those that it has `continued`. A note remains for
    days of which another process is storing images: it may have read their rows before they were marked, and may be killed
    before it can note that itself.
    """
    at_work = {day for each in found.storing if each.run_id != run_id and _is_alive(each, now) for day in each.days}
    kept = []
    for each in found.forgetting:
        if each.run_id != run_id and each not in continued:
            kept.append(each)
        elif days := at_work.intersection(each.days):
            kept.append(replace(each, days=tuple(sorted(days))))
    return replace(found, forgetting=tuple(kept))


def _is_alive(each: Intent, now: datetime) -> bool:
    return abs(each.at - now) <= LONGEST_COMMIT


def still_forgetting(found: Checkpoint, run_id: str, days: Iterable[date], now: datetime) -> Checkpoint:
    """The checkpoint with a note that images or earlier versions of forgotten outputs of `days` may still be in the bucket."""
    own = {day for each in found.forgetting if each.run_id == run_id for day in each.days}
    others = tuple(each for each in found.forgetting if each.run_id != run_id)
    return replace(found, forgetting=(*others, Forgetting(run_id, tuple(sorted(own.union(days))), now)))
