"""The use case `changes`: which partitions were changed since a point, from the change log alone. Writes nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from ..errors import ConfigurationError
from ..model.changes import ChangeRecord, parse_record
from ..model.object_keys import Layout
from ..model.times import BEGINNING, parse_rfc3339
from .committing.change_log import written_in
from .committing.intent import LONGEST_COMMIT
from .ports import ObjectStore
from .reports.changes import ChangesReport, cursor_text

MOST = 1000
"""Records in one answer. `next` goes on from there."""
CLOCKS_APART = timedelta(minutes=5)
"""Machines that write may differ by so much. An instant therefore includes a little more than was asked for."""
MISSING_LOOKED_FOR = 20
"""A listing may lag: so many numbers that it lacks are looked up one by one."""


@dataclass(frozen=True)
class ChangesSettings:
    """What to answer.

    - `layout`: the bucket and the prefix of the archive.
    - `since`: `@41` (the `next` of an earlier answer; `@0` is the beginning of the log), an instant, a UTC day, or the id of
      a run: all that was changed since it began.
    """

    layout: Layout
    since: str = "@0"


async def changes(store: ObjectStore, settings: ChangesSettings) -> ChangesReport:
    """Return the change records after a point, in their order. Raises ConfigurationError if the point cannot be understood, and
    ArchiveDamaged if a record cannot be read.
    """
    reader = _Reader(store, settings.layout)
    cursor = re.fullmatch(r"@(\d{1,9})", settings.since.strip())
    instant = None if cursor else await _instant(store, settings)
    after = int(cursor[1]) if cursor else 0
    numbers = await reader.numbers(after)
    if instant is not None:
        after = await reader.before(numbers, instant - CLOCKS_APART)
    wanted = [number for number in numbers if number > after]
    is_complete = not wanted or wanted[0] == after + 1 or instant is not None
    if not wanted and after:
        # A log that ends before the cursor is another one: the archive was restored, or the log was deleted.
        is_complete = await reader.get(after) is not None
    wanted = wanted[:MOST]
    found: list[ChangeRecord] = []
    for number in wanted:
        record = await reader.get(number)
        if record is None or (found and number != found[-1].number + 1):
            is_complete = False
        if record is not None:
            found.append(record)
    last = found[-1].number if found else after if is_complete else max(numbers, default=0)
    return ChangesReport(
        archive=str(settings.layout),
        since=settings.since,
        records=tuple(found),
        next=cursor_text(last),
        is_complete=is_complete,
        has_more=bool(numbers) and last < numbers[-1],
    )


@dataclass(slots=True)
class _Reader:
    store: ObjectStore
    layout: Layout
    _written: dict[int, datetime | None] = field(default_factory=dict)

    async def get(self, number: int) -> ChangeRecord | None:
        key = self.layout.change_record(number)
        stored = await self.store.get(key)
        return parse_record(stored.body, self.layout.uri(key)) if stored else None

    async def numbers(self, after: int) -> list[int]:
        """Return the numbers of the records from the folder of `after` on. What the listing lacks in between is looked up."""
        first = self.layout.change_record(after + 1).rpartition("/")[0] + "/"
        for folder in sorted(await self.store.folders(self.layout.changes)):
            if folder >= first:
                self._written |= await written_in(self.store, self.layout, folder)
        found = {*self._written}
        lacking = sorted({*range(max(after, min(found, default=1) - 1) + 1, max(found, default=0))} - found)
        for number in lacking[:MISSING_LOOKED_FOR]:
            if await self.get(number) is not None:
                found.add(number)
        return sorted(found)

    async def before(self, numbers: list[int], instant: datetime) -> int:
        """Return the number before the first record that was written at or after the instant, by the store's clock: those of the
        writers may differ by years.

        If the store does not say, the record is read: from the end, until one is so much older that neither a clock nor a slow
        commit explains it.
        """
        first = numbers[-1] + 1 if numbers else 1
        for number in reversed(numbers):
            if (written := self._written.get(number)) is not None:
                if written < instant:
                    break
                first = number
                continue
            record = await self.get(number)
            if record is not None and record.at is not None and record.at < instant - CLOCKS_APART - LONGEST_COMMIT:
                break
            if record is not None and (record.at is None or record.at >= instant):
                first = number
        return first - 1


async def _instant(store: ObjectStore, settings: ChangesSettings) -> datetime:
    """The instant that `since` names, or at which the run that it names began. Raises ConfigurationError."""
    text = settings.since.strip()
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) if len(text) == 10 else parse_rfc3339(text)
    except ValueError:
        pass
    async for listed in store.list(settings.layout.runs):
        found = re.fullmatch(r"(\d{8}T\d{6}Z)-(.+)\.json", listed.key.removeprefix(settings.layout.runs))
        if found and found[2] == text:
            began = datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            # If the clock was ahead, the run began after its report was written. Its start is unknown, so all changes count.
            return BEGINNING if listed.modified and began > listed.modified + CLOCKS_APART else began
    place = settings.layout.uri(settings.layout.runs)
    raise ConfigurationError(
        f"since: {text[:60]!r} is no cursor, no instant, and no run whose report is in {place}",
        hint="pass the `next` of an earlier answer (@41), an instant (2026-11-21T08:00:00Z), a day, or the id of a run",
    )
