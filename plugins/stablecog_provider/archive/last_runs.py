"""The reports of the last runs, read from `runs/`."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

from ..errors import ConfigurationError
from ..model.object_keys import Layout
from ..model.times import parse_rfc3339
from .ports import ObjectStore
from .reports.last_run import LastRun
from .reports.limits import LEAST_STARTS

READ = 12
"""Reports that are read: enough to show an interval, also beside a verify and a refresh for each run."""
MOST_READ = 120
"""If they show too few runs, because slices of a verify come often, so many are read at most."""
LARGEST = 4_000_000
"""Bytes, far more than a report of ours has."""
RUN = "run"


async def last_runs(store: ObjectStore, layout: Layout) -> tuple[LastRun, ...]:
    """The newest reports, newest first, of whatever command; of older ones, those of runs, until an interval is known. One that
    cannot be read is left out: it only adds to what the checkpoint says, and may be in an archive storage class by now.
    """
    # Keys begin with the start of the run, so the greatest is the newest, by the clocks of those who ran.
    listing = [each async for each in store.list(layout.runs) if layout.is_run_report(each.key)]
    keys = sorted(each.key for each in listing if each.size <= LARGEST)
    keys, found = keys[::-1][:MOST_READ], list[LastRun]()
    for at in range(0, len(keys), READ):
        read = await asyncio.gather(*(_report(store, key) for key in keys[at : at + READ]))
        found += [each for each in read if each is not None and (each.kind == RUN or not at)]
        if len(starts_of(tuple(found))) >= LEAST_STARTS:
            break
    return tuple(found)


def starts_of(runs: tuple[LastRun, ...]) -> list[datetime]:
    """When the runs among these started."""
    return [started for run in runs if run.kind == RUN and (started := _instant(run.started_at))]


async def _report(store: ObjectStore, key: str) -> LastRun | None:
    try:
        stored = await store.get(key)
        document: Any = json.loads(stored.body) if stored else None
    except (ValueError, ConfigurationError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    explanation = document.get("explanation")
    return LastRun(
        kind=str(document.get("kind") or RUN),
        run_id=str(document.get("run_id", "")),
        started_at=str(document.get("started_at") or ""),
        finished_at=str(document.get("finished_at") or ""),
        outcome=str(document.get("outcome", "")),
        key=key,
        images=_number(document, "copied", "checked"),
        bytes=_number(document, "bytes"),
        failed=_number(document, "failed"),
        explanation=tuple(map(str, explanation)) if isinstance(explanation, list) else (),
        level=str(document.get("level", "")),
        left=_counts(document.get("left")),
    )


def _number(document: dict[str, Any], *names: str) -> int:
    """The first of these members that is a whole number; 0 if none is."""
    return next((value for name in names if type(value := document.get(name)) is int), 0)


def _counts(document: object) -> dict[str, int]:
    if not isinstance(document, dict):
        return {}
    return {str(name)[:60]: number for name, number in document.items() if type(number) is int}


def _instant(text: str) -> datetime | None:
    try:
        return parse_rfc3339(text)
    except ValueError:
        return None
