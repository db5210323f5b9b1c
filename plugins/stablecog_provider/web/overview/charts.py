"""The drawing of coverage and of what was made per day: geometry alone, in days and hundredths."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from ...model.checkpoint import Checkpoint
from ...model.coverage import Coverage, Window
from ...model.object_keys import day_of
from ...model.times import BEGINNING
from ..contexts import Bar, Gap, Timeline
from ..words import number, size

SHOWN = 90
"""Days that the charts show at first."""
ROWS = 31
"""Days of the table beside the charts."""
DAY = timedelta(days=1)


def timeline_of(checkpoint: Checkpoint, now: datetime) -> Timeline | None:
    """The time axis of an archive; None if it has no day yet."""
    days = {day: each for day, each in checkpoint.partitions.items() if each.live and day > day_of(BEGINNING)}
    if not days or not checkpoint.coverage:
        return None
    first = min(days)
    count = max((day_of(now) - first).days, (max(days) - first).days) + 1
    every = [first + DAY * index for index in range(count)]
    outputs = [days[day].live if day in days else 0 for day in every]
    sizes = [days[day].bytes if day in days else 0 for day in every]
    start = datetime.combine(first, time(), UTC)
    end = checkpoint.coverage.windows[-1].end
    gaps = checkpoint.coverage.gaps(Window(start, max(end, start + timedelta(seconds=1))))
    shown = min(SHOWN, count)
    return Timeline(
        first=str(first),
        days=count,
        outputs=",".join(map(str, outputs)),
        bytes=",".join(map(str, sizes)),
        never=",".join(_whole_days(gaps, start)),
        covered=[_bar(window, start, count) for window in checkpoint.coverage.windows if window.end > start],
        gaps=[_gap(window, start) for window in gaps.windows],
        history=_weeks(outputs),
        output_bars=_bars(outputs[-shown:]),
        byte_bars=_bars(sizes[-shown:]),
        shown_days=shown,
        years=_years(first, count),
        ticks=[f"{every[-shown + (shown - 1) * step // 4]:%-d %b}" for step in range(5)],
        sentence=f"{every[-shown]:%-d %b %Y} to {every[-1]:%-d %b %Y}: {number(sum(outputs[-shown:]))} outputs, "
        f"{size(sum(sizes[-shown:]))}",
        most_outputs=f"most {number(max(outputs[-shown:]))}",
        most_bytes=f"most {size(max(sizes[-shown:]))}",
        table=[
            (str(day), number(made), size(stored))
            for day, made, stored in list(zip(every, outputs, sizes, strict=True))[-ROWS:]
        ][::-1],
    )


def _days(instant: datetime, start: datetime) -> float:
    return round((instant - start) / DAY, 3)


def _bar(window: Window, start: datetime, count: int) -> Bar:
    x = max(0.0, _days(window.start, start))
    return Bar(x, max(0.0, min(float(count), _days(window.end, start)) - x))


def _gap(window: Window, start: datetime) -> Gap:
    x = _days(window.start, start)
    text = f"{window.start:%-d %b %Y, %H:%M} to {window.end:%-d %b %Y, %H:%M}"
    return Gap(x, max(_days(window.end, start) - x, 0.01), text, f"{day_of(window.start)}")


def _whole_days(gaps: Coverage, start: datetime) -> list[str]:
    """Ranges of days that were never read at all, as `from-to` counted from the first day; `to` is not included."""
    found = []
    for window in gaps.windows:
        first = -(-(window.start - start) // DAY)
        end = (window.end - start) // DAY
        if end > first:
            found.append(f"{first}-{end}")
    return found


def _bars(values: Sequence[int]) -> list[Bar]:
    top = max([*values, 1])
    return [
        Bar(index + 0.12, 0.76, round(100 - value / top * 100, 1), round(value / top * 100, 1))
        for index, value in enumerate(values)
    ]


def _weeks(outputs: Sequence[int]) -> list[Bar]:
    weeks = [
        (start, sum(outputs[start : start + 7]), len(outputs[start : start + 7])) for start in range(0, len(outputs), 7)
    ]
    top = max([made for _, made, _ in weeks] + [1])
    return [
        Bar(start, width, round(100 - made / top * 100, 1), round(made / top * 100, 1)) for start, made, width in weeks
    ]


def _years(first: date, count: int) -> list[tuple[str, float]]:
    """The years with the part of the axis, in hundredths, at which each begins."""
    last = first + DAY * (count - 1)
    starts = [(str(first.year), 0.0)]
    starts += [
        (str(year), (date(year, 1, 1) - first).days * 100 / count) for year in range(first.year + 1, last.year + 1)
    ]
    # The label of a first year that is nearly over would be under the next one's.
    crowded = len(starts) > 1 and starts[1][1] < 6
    return [(year, round(at, 2)) for year, at in starts[crowded:]]
