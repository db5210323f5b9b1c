"""The rail of time, and the months to jump to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from ...model.checkpoint import Checkpoint
from ...model.object_keys import day_of
from ...model.times import BEGINNING
from ..overview.charts import timeline_of
from ..words import number
from .contexts import Month, Rail, Year


def rail_of(checkpoint: Checkpoint, now: datetime, at: date | None) -> Rail | None:
    drawn = timeline_of(checkpoint, now)
    if drawn is None:
        return None
    first = date.fromisoformat(drawn.first)
    last = first + timedelta(days=drawn.days - 1)
    shown = min(max(at, first), last) if at else last
    return Rail(
        first=str(first),
        last=str(last),
        at=str(shown),
        shown=f"{shown:%-d %b %Y}",
        days=drawn.days,
        weeks=[bar.height for bar in drawn.history],
        gaps=[(gap.x, gap.width) for gap in drawn.gaps],
        years=drawn.years,
    )


def years_of(checkpoint: Checkpoint, base: str, parameters: Sequence[tuple[str, str]]) -> list[Year]:
    months: dict[tuple[int, int], int] = {}
    for day, each in checkpoint.partitions.items():
        if each.live and day > day_of(BEGINNING):
            months[day.year, day.month] = months.get((day.year, day.month), 0) + each.live
    top = max(months.values(), default=1)
    found = []
    for year in sorted({year for year, _ in months}, reverse=True):
        cells = [_month(year, month, months.get((year, month), 0), top, base, parameters) for month in range(1, 13)]
        made = sum(count for (of, _), count in months.items() if of == year)
        found.append(Year(str(year), f"{number(made)} outputs", cells))
    return found


def _month(year: int, month: int, made: int, top: int, base: str, parameters: Sequence[tuple[str, str]]) -> Month:
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    link = f"{base}/gallery?{urlencode([*parameters, ('at', str(last))])}" if made else ""
    return Month(f"{last:%b}", str(year), number(made), round(made * 20 / top, 1), link)
