"""Proof by counting: what the source counts, against what the manifest holds.

A difference is bisected to its place by the source's own counts; the place is read again, what is missing is archived, and
what the source lists no more gets a tombstone, provided that its listing of the place agrees with its count. What remains
is a difference, and is reported.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from ...model.checkpoint import Proof
from ...model.coverage import Axis, Coverage, Window
from ...model.object_keys import day_of
from ...model.page import MAX_PER_PAGE
from ...model.times import BEGINNING
from ..committing.ledger import identity
from ..committing.pipeline import PartitionSummary, Pipeline, WorkItems
from ..listing.capabilities import Capabilities
from ..listing.counts import SourceCounts
from ..listing.walk import Step, walk
from ..ports import Source

DAY = timedelta(days=1)
SMALLEST = timedelta(milliseconds=1)
MASS_DELETION = 100
"""More than this many, and more than half of the archive: rather a wrong key or a broken source than a tidy user."""


@dataclass(slots=True, kw_only=True)
class Prover:
    """Proves windows of the requested axis, by which the source counts; mends what it can by the run's own pipeline."""

    source: Source
    capabilities: Capabilities
    pipeline: Pipeline
    per_page: int
    differences: list[Proof] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    _vanished: int = 0
    _counts: SourceCounts = field(init=False)

    def __post_init__(self) -> None:
        self._counts = SourceCounts(
            source=self.source, capabilities=self.capabilities, per_page=self.per_page, claims=self.claims
        )

    async def prove(self, window: Window) -> Proof | None:
        """Compare, mend where it differs, compare again. None where the source cannot count this."""
        source, manifest = await self._source_count(window), await self._manifest_count(window)
        if source is None:
            return None
        if source != manifest and not await self._too_many_gone(window, source, manifest):
            await self._locate(window, source, manifest)
            source, manifest = await self._source_count(window), await self._manifest_count(window)
            if source is None:
                return None
        return Proof(window.start, window.end, source, manifest, self.pipeline.ports.clock.now())

    async def _locate(self, window: Window, source: int, manifest: int) -> None:
        if source == manifest:
            return
        small = max(source, manifest) <= MAX_PER_PAGE and window.end - window.start <= DAY
        if small or not self.capabilities.counts_by_date or window.end - window.start <= SMALLEST:
            await self._repair(window)
            return
        middle = self._middle(window)
        left, right = Window(window.start, middle), Window(middle, window.end)
        source_left, manifest_left = await self._source_count(left) or 0, await self._manifest_count(left)
        await self._locate(left, source_left, manifest_left)
        await self._locate(right, source - source_left, manifest - manifest_left)

    def _middle(self, window: Window) -> datetime:
        """The midnight that halves what the manifest holds in the window, else the one before the window's middle; within a
        day, its middle. Always halves, never days one by one: a window may have 26 years, and be empty.
        """
        inside = [day for day in sorted(self._days) if window.start < _midnight(day) < window.end]
        if inside:
            return _midnight(inside[len(inside) // 2])
        middle = window.start + (window.end - window.start) // 2
        midnight = _midnight(day_of(middle))
        return midnight if window.start < midnight else middle

    async def _repair(self, window: Window) -> None:
        ledger = self.pipeline.ledger
        for day in await ledger.days(window):
            ledger.forget(day)
            await self.pipeline.save(Coverage(), {day: PartitionSummary.of(await ledger.partition(day))})
        # Counts kept in the checkpoint may have been behind another run's partitions.
        source, manifest = await self._source_count(window), await self._manifest_count(window)
        if source is None or source == manifest:
            return
        listed: dict[str, datetime | None] = {}
        for stretch in Coverage((window,)).around(self.capabilities.axis, Axis.REQUESTED):
            steps = walk(self.source, stretch, self.capabilities, self.per_page)
            await self.pipeline.run(self.pipeline.work_items(_observed(steps, listed)))
        source = await self._source_count(window)
        if source == sum(at is None or at in window for at in listed.values()):
            await self.pipeline.run(self._tombstones(window, listed))
        manifest = await self._manifest_count(window)
        if source is not None and source != manifest:
            now = self.pipeline.ports.clock.now()
            self.differences.append(Proof(window.start, window.end, source, manifest, now))

    async def _tombstones(self, window: Window, listed: dict[str, datetime | None]) -> AsyncIterator[WorkItems]:
        """Of what the archive held before this run, no more than `_suspicious` lets pass, of all places together: counts do not
        tell where as much is new as has vanished.
        """
        pipeline = self.pipeline
        entries = await pipeline.ledger.tombstones(window, listed)
        old = {entry.row.output_id for entry in entries if entry.row.first_seen_at < pipeline.report.started_at}
        if not self._suspicious(self._vanished + len(old), sum(pipeline.start.days.values())):
            self._vanished += len(old)
            yield WorkItems(entries)

    @property
    def _days(self) -> dict[date, int]:
        checkpoint = self.pipeline.checkpoint.current
        return dict(checkpoint.days) if checkpoint else {}

    async def _manifest_count(self, window: Window) -> int:
        """By the counts kept for whole days; only days that the window cuts are looked into."""
        total = 0
        for day, count in self._days.items():
            start = _midnight(day)
            if window.start <= start and start + DAY <= window.end:
                total += count
            elif start < window.end and window.start < start + DAY:
                total += (await self.pipeline.ledger.partition(day)).live_count(window)
        return total

    async def _source_count(self, window: Window) -> int | None:
        return await self._counts.of(window)

    async def _too_many_gone(self, window: Window, source: int, manifest: int) -> bool:
        """Where most of a window is gone, all that is older decides: somebody may have tidied up the newest day."""
        if not _is_mass_deletion(manifest - source, manifest):
            return False
        whole = Window(BEGINNING, window.end)
        if window != whole:
            source, manifest = await self._source_count(whole) or 0, await self._manifest_count(whole)
        return self._suspicious(manifest - source, manifest)

    def _suspicious(self, missing: int, held: int) -> bool:
        if not _is_mass_deletion(missing, held):
            return False
        claim = (
            f"The source lacks {missing} outputs or more of the {held} that the manifest holds: more than half. No further "
            "tombstone was set. Is this the right account's key? If they were deleted on purpose, nothing need be done: the "
            "images stay."
        )
        if claim not in self.claims:
            self.claims.append(claim)
        return True


def _is_mass_deletion(missing: int, held: int) -> bool:
    return missing > MASS_DELETION and missing * 2 > held


async def _observed(steps: AsyncIterator[Step], listed: dict[str, datetime | None]) -> AsyncIterator[Step]:
    """The steps' outputs alone (they are read again, and claim nothing), noting what is listed and when requested."""
    async for step in steps:
        listed.update((identity(output), output.created_at) for output in step.outputs)
        yield Step(step.outputs)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
