"""Objects that no row names. Images are written before their rows, so an object that was just written is looked at twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta

from ...errors import ArchiveDamaged, ConfigurationError
from ...model.finding import Finding, Kind
from ...model.object_keys import Layout
from ..ports import BucketPorts, Listed
from .expected import drop_named

JUST_WRITTEN = timedelta(minutes=15)
"""An object that is younger may belong to a run at work."""
COMMIT_SECONDS = 90.0
"""A run commits its rows once a minute. By then, an image of it has its row."""
TOLD_EVERY = 15.0
"""Seconds between two calls of `on_wait`."""


class Unnamed:
    """Collects objects that no row named when they were listed, and names those that still have none at the end."""

    def __init__(self, ports: BucketPorts, layout: Layout) -> None:
        self._ports, self._layout = ports, layout
        self._found: dict[str, tuple[date, Listed]] = {}
        self._first_at = 0.0
        self._forgotten: set[str] = set()

    def add(self, day: date, items: Collection[Listed]) -> None:
        self._found |= {item.key: (day, item) for item in items}
        self._first_at = self._ports.monotonic()

    async def add_days_without_partition(self, known: Collection[date]) -> None:
        """List all images, and collect those of days that have no partition."""
        async for item in self._ports.store.list(self._layout.images):
            parsed = self._layout.parse_image(item.key)
            if parsed is not None and parsed.day not in known:
                self.add(parsed.day, [item])

    async def findings(self, now: datetime, on_wait: Callable[[float], None]) -> list[Finding]:
        """Return the objects that no row names, in the order of their keys. Waits for the rows of young objects, and calls
        `on_wait` with the seconds that are left, every `TOLD_EVERY` seconds.
        """
        found = await self._still_unnamed()
        if any(_is_young(item, now) for item in found.values()):
            left = self._first_at + COMMIT_SECONDS - self._ports.monotonic()
            while left > 0:
                on_wait(left)
                await self._ports.sleep(min(left, TOLD_EVERY))
                left -= TOLD_EVERY
            found = await self._still_unnamed()
        return [self._finding(item) for _, item in sorted(found.items())]

    async def _still_unnamed(self) -> dict[str, Listed]:
        by_day: defaultdict[date, dict[str, Listed]] = defaultdict(dict)
        for key, (day, item) in self._found.items():
            by_day[day][key] = item
        left: dict[str, Listed] = {}
        for day, items in by_day.items():
            try:
                partition = await self._ports.manifest.load(day)
            except (ArchiveDamaged, ConfigurationError):
                # Nobody knows what its rows name.
                continue
            self._forgotten |= partition.forgotten_ids()
            for row in partition.rows():
                drop_named(items, row, self._layout)
            left |= items
        return left

    def _finding(self, item: Listed) -> Finding:
        parsed = self._layout.parse_image(item.key)
        output_id, rendition = (parsed.output_id, str(parsed.rendition)) if parsed else (None, None)
        written = f", written at {item.modified:%Y-%m-%d %H:%M:%S}Z" if item.modified else ""
        detail = f"{item.size} bytes{written}; no row names it"
        if output_id in self._forgotten:
            detail += (
                f", because its output was forgotten: `stablecog-archive forget --id {output_id} --yes` deletes it"
            )
        return Finding(Kind.ORPHAN, item.key, output_id, rendition, detail)


def _is_young(item: Listed, now: datetime) -> bool:
    return item.modified is not None and abs(now - item.modified) < JUST_WRITTEN
