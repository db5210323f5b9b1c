"""The answers to the ten questions, computed from the rows in plain Python: no engine is the judge of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from stablecog_provider.model.manifest import Row, State

from .questions import COMPOSED, DAY, EXACT, FOX, TOWER, UNNAMED, ZONES, Rows

K = TypeVar("K")


def answers(partitions: Mapping[date, Iterable[Row]], models: Mapping[str, str]) -> dict[str, Rows]:
    """Return the answer to each question."""
    table = [(day, row) for day, found in partitions.items() for row in found]
    rows = [row for _, row in table]
    archived = [(day, row) for day, row in table if row.state == State.ARCHIVED]
    by_key = {row.key: row for _, row in archived}
    pairs = [
        (day, row, by_key.get((row.output_id, "upscaled"))) for day, row in archived if row.rendition == "original"
    ]
    both = [(day, (row.bytes or 0) + (other.bytes or 0)) for day, row, other in pairs if other]
    odd = {
        row.prompt
        for row in rows
        if row.prompt and (FOX in row.prompt or TOWER in row.prompt or row.prompt == COMPOSED)
    }
    instants = [[row.output_id, _micros(row.created_at)] for row in rows if row.rendition == "original"]
    seeds = Counter(row.seed for row in rows if row.seed is not None and abs(row.seed) > EXACT)
    return {
        "days": [
            [str(day), len({row.output_id for row in found}), len(found), sum(row.bytes or 0 for row in found)]
            for day, found in _grouped(archived)
        ],
        "models": [
            [name, len({row.output_id for row in found}), len(found)]
            for name, found in _grouped([(models.get(row.model_id or "", UNNAMED), row) for row in rows])
        ],
        "pairs": [
            [str(day), sum(each == day for each, _ in both), sum(total for each, total in both if each == day)]
            for day in sorted({day for day, _ in both})
        ],
        "one_day": sorted([row.output_id, row.rendition, str(row.state)] for row in rows
                          if str(row.created_at.date()) == DAY and row.state != State.ARCHIVED),
        "zones": [[zone, sum(row.created_at.astimezone(ZoneInfo(zone)).date() != day for day, row in table)] for zone in ZONES],
        "instants": sorted(instants, key=lambda each: (-int(str(each[1])), str(each[0])))[:5],
        "nulls": [[
            len(rows), sum(row.seed is not None for row in rows), sum(row.prompt is not None for row in rows),
            sum(row.guidance_scale is not None for row in rows), sum(row.prompt == "" for row in rows),
            sum(row.deleted_at is None for row in rows), sum(row.is_favorited is None for row in rows),
        ]],
        "unicode": [[prompt, len(prompt)] for prompt in sorted(odd, key=lambda text: (len(text), text.encode()))],
        "seeds": [[seed, seeds[seed]] for seed in sorted(seeds)],
        "evolution": [
            [str(day), len(found), sum(row.gone_since is not None for row in found),
             sum(row.earlier_images is not None for row in found)]
            for day, found in _grouped(table)
        ],
    }  # fmt: skip


def _grouped(pairs: Iterable[tuple[K, Row]]) -> list[tuple[K, list[Row]]]:
    found: dict[K, list[Row]] = {}
    for name, row in pairs:
        found.setdefault(name, []).append(row)
    return sorted(found.items(), key=lambda item: str(item[0]).encode())


def _micros(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
