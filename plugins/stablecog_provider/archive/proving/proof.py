"""Proof by counting: what the source counts, against what the manifest holds.

A difference is bisected to its place by the source's own counts; the place is read again, what is missing is archived, and
what the source lists no more gets a tombstone, provided that its listing of the place agrees with its count. What remains
is a difference, and is reported.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from ...model.checkpoint import Proof
from ...model.coverage import Axis, Coverage, Window
from ...model.object_keys import day_of
from ...model.page import MAX_PER_PAGE
from ...model.times import BEGINNING
from ..committing.commit import Committer
from ..committing.ledger import Ledger, identity
from ..committing.pipeline import Pipeline, WorkItems
from ..committing.tally import Tally
from ..listing.capabilities import Capabilities
from ..listing.counts import SourceCounts
from ..listing.walk import Step, walk
from ..ports import Clock, Source

DAY = timedelta(days=1)
SMALLEST = timedelta(milliseconds=1)
MASS_DELETION = 100
"""More than this many, and more than half of the archive: rather a wrong key or a broken source than a tidy user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofResult:
    """What came of proving. `proofs`: one per window that the source can count. `claims`: sentences on what they rest on."""

    proofs: tuple[Proof, ...] = ()
    differences: tuple[Proof, ...] = ()
    claims: tuple[str, ...] = ()
    tally: Tally = Tally()


@dataclass(slots=True, kw_only=True)
class Prover:
    """Proves windows of the requested axis, by which the source counts. What it can repair, it repairs by `archive`, which
    runs work items through the run's pipeline.
    """

    source: Source
    capabilities: Capabilities
    pipeline: Pipeline
    ledger: Ledger
    committer: Committer
    clock: Clock
    per_page: int
    began: datetime
    _differences: list[Proof] = field(default_factory=list)
    _suspicions: list[str] = field(default_factory=list)
    _tallies: list[Tally] = field(default_factory=list)
    _vanished: int = 0
    _counts: SourceCounts = field(init=False)

    def __post_init__(self) -> None:
        self._counts = SourceCounts(source=self.source, capabilities=self.capabilities, per_page=self.per_page)

    async def prove(self, windows: Iterable[Window]) -> ProofResult:
        """Compare each window, repair where it differs, compare again. Sums up all calls of this prover but the proofs."""
        proofs = [await self._prove(window) for window in windows]
        return ProofResult(
            proofs=tuple(proof for proof in proofs if proof),
            differences=tuple(self._differences),
            claims=(*self._counts.claims, *self._suspicions),
            tally=Tally.sum(self._tallies),
        )

    async def _prove(self, window: Window) -> Proof | None:
        source, manifest = await self._source_count(window), await self._manifest_count(window)
        if source is None:
            return None
        if source != manifest and not await self._too_many_gone(window, source, manifest):
            await self._locate(window, source, manifest)
            source, manifest = await self._source_count(window), await self._manifest_count(window)
            if source is None:
                return None
        return Proof(window.start, window.end, source, manifest, self.clock.now())

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
        await self.committer.restate(await self.ledger.days(window))
        # Counts kept in the checkpoint may have been behind another run's partitions.
        source, manifest = await self._source_count(window), await self._manifest_count(window)
        if source is None or source == manifest:
            return
        listed: dict[str, datetime | None] = {}
        for stretch in Coverage((window,)).around(self.capabilities.axis, Axis.REQUESTED):
            steps = [step async for step in walk(self.source, stretch, self.capabilities, self.per_page)]
            listed |= {identity(output): output.created_at for step in steps for output in step.outputs}
            # Read again, the outputs claim no coverage.
            await self._archive(self.pipeline.work_items(_outputs_alone(steps)))
        source = await self._source_count(window)
        if source == sum(at is None or at in window for at in listed.values()):
            await self._archive(self._tombstones(window, listed))
        manifest = await self._manifest_count(window)
        if source is not None and source != manifest:
            self._differences.append(Proof(window.start, window.end, source, manifest, self.clock.now()))

    async def _archive(self, items: AsyncIterator[WorkItems]) -> None:
        self._tallies.append(await self.pipeline.run(items))

    async def _tombstones(self, window: Window, listed: dict[str, datetime | None]) -> AsyncIterator[WorkItems]:
        """Of what the archive held before this run, no more than `_suspicious` lets pass, of all places together: counts do not
        tell where as much is new as has vanished.
        """
        entries = await self.ledger.tombstones(window, listed)
        old = {entry.row.output_id for entry in entries if entry.row.first_seen_at < self.began}
        if not self._suspicious(self._vanished + len(old), sum(self.committer.start.days.values())):
            self._vanished += len(old)
            yield WorkItems(entries)

    @property
    def _days(self) -> dict[date, int]:
        return dict(self.committer.checkpoint.days)

    async def _manifest_count(self, window: Window) -> int:
        """By the counts kept for whole days; only days that the window cuts are looked into."""
        total = 0
        for day, count in self._days.items():
            start = _midnight(day)
            if window.start <= start and start + DAY <= window.end:
                total += count
            elif start < window.end and window.start < start + DAY:
                total += (await self.ledger.partition(day)).live_count(window)
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
        if claim not in self._suspicions:
            self._suspicions.append(claim)
        return True


def _is_mass_deletion(missing: int, held: int) -> bool:
    return missing > MASS_DELETION and missing * 2 > held


async def _outputs_alone(steps: Iterable[Step]) -> AsyncIterator[Step]:
    for step in steps:
        yield Step(step.outputs)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
