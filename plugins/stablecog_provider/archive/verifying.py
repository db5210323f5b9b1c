"""One verify at work: several days at a time are checked, repaired and committed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from ..errors import ArchiveError
from ..model.damage import Unread
from ..model.finding import Finding, Kind
from ..model.manifest import RowKey, State
from ..model.object_keys import Layout, day_of
from ..model.partition_summary import PartitionSummary
from .committing.commit import Committer
from .committing.moves import arrived, place_of, rewritten
from .fixity.budget import Meter
from .fixity.day_check import DayCheck, DayPart, Level, RowResult, Wrong, change_of_intact
from .fixity.expected import Expected, expected_of, fixity_of, likely
from .fixity.orphans import Unnamed
from .fixity.partition_repair import restore_partition
from .fixity.repair import Repair, Repairer
from .fixity.row_change import RowChange, change_of
from .fixity.schedule import Schedule, Visit
from .fixity.stored_bytes import Seen, StoredBytes
from .fixity.swapped import name_swapped
from .ports import BucketPorts, Progress, ProgressListener
from .reports.wording import SHOWN, counted
from .resilience.together import together

DAYS_AT_ONCE = 4
COMMIT_ROWS = 4000
COMMIT_SECONDS = 60.0
"""Rows are written when so many have come together, or so much time has passed."""


_Repaired = tuple[Repair | None, tuple[str, int] | None]
"""The repair of an object, or the SHA-256 and the size that its row should have."""


@dataclass(slots=True)
class Verifying:
    """The parts of one verify, and what it has found so far. `planned`: images that are known to be stored.
    `unread_damage`: what of earlier findings it could not look at.
    """

    ports: BucketPorts
    layout: Layout
    level: Level
    days: Sequence[date]
    stored: StoredBytes
    committer: Committer
    check: DayCheck
    schedule: Schedule
    meter: Meter
    unnamed: Unnamed
    repairer: Repairer | None
    on_progress: ProgressListener
    planned: int
    unread_damage: Unread
    checked: int = 0
    bytes: int = 0
    unread: int = 0
    first_unread: str = ""
    without_checksum: int = 0
    _findings: list[Finding] = field(init=False, default_factory=list)
    _hashes: dict[int, str] = field(init=False, default_factory=dict)
    _changes: dict[date, dict[RowKey, RowChange]] = field(init=False, default_factory=dict)
    _stored: set[tuple[date, str]] = field(init=False, default_factory=set)
    _forgotten: dict[date, set[str]] = field(init=False, default_factory=dict)
    _pending: int = field(init=False, default=0)
    _since: float = field(init=False, default=0.0)
    _failure: ArchiveError | None = field(init=False, default=None)
    _lock: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)

    async def run(self, *, whole: bool) -> None:
        """Check what is due, and commit it. `whole`: everything is due, so objects of days without a partition are looked for.
        Raises the first ArchiveError, once everything that was found before is saved.
        """
        self._since = self.ports.monotonic()
        await together(self._work() for _ in range(DAYS_AT_ONCE))
        if self._changes:
            await self._commit()
        await self.committer.end_storing()
        if self._failure:
            raise self._failure
        if whole:
            await self.unnamed.add_days_without_partition({*self.days})

    async def findings(self, now: datetime) -> list[Finding]:
        """All that is wrong, with orphans, and with the owner of swapped bytes."""
        self.on_progress(replace(self._progress(), stage="comparing findings"))
        named = await name_swapped(self.ports.manifest, self.days, self._findings, self._hashes)
        return [*named, *await self.unnamed.findings(now, self._on_wait)]

    def _on_wait(self, seconds: float) -> None:
        stage = f"waiting {seconds:.0f} s for the rows of new objects"
        self.on_progress(replace(self._progress(), stage=stage))

    @property
    def found(self) -> Sequence[Finding]:
        """What was found wrong so far, without orphans."""
        return self._findings

    def so_far_in_words(self) -> tuple[str, ...]:
        """Sentences on what was checked and found, for a verify that does not come to its end."""
        lines = [f"Until then, {counted(self.checked, 'image was', 'images were')} checked."]
        lines += [f"  {each.kind}: {each.key} ({each.detail})" for each in self._findings[:SHOWN]]
        if len(self._findings) > SHOWN:
            lines.append(f"  ... and {len(self._findings) - SHOWN:,} more findings; a verify that ends lists them all.")
        return tuple(lines)

    async def _work(self) -> None:
        try:
            while (visit := self.schedule.next()) is not None:
                left: list[datetime] = []
                await self._visit(visit, left)
                if left and not self.meter.spent:
                    self.schedule.left(visit, min(left))
        except ArchiveError as error:
            self._fail(error)

    def _fail(self, error: ArchiveError) -> None:
        self._failure = self._failure or error
        self.schedule.stop()

    async def _visit(self, visit: Visit, left: list[datetime]) -> None:
        async for part in self.check.parts(visit, left):
            if part.damaged:
                await self._damaged_partition(visit, part, left)
            if part.unread:
                self.unread_damage.partitions += 1
                self._note_unread(part.unread)
            self.unnamed.add(part.day, part.unnamed)
            await self._judge(part)
            if self._failure:
                return

    async def _damaged_partition(self, visit: Visit, part: DayPart, left: list[datetime]) -> None:
        repaired = False
        if self.repairer is not None:
            async with self._lock:
                await self.committer.announce([part.day])
                # Only now: another process may have written the day since.
                known = self.committer.checkpoint.partitions.get(part.day, PartitionSummary())
                repaired = await restore_partition(self.ports, self.layout, self.stored, part.day, known)
                await self.committer.restate([part.day] if repaired else [])
        key = self.layout.partition(part.day)
        self._findings.append(Finding(Kind.UNREADABLE_PARTITION, key, None, None, part.damaged, repaired))
        if repaired:
            await self._visit(visit, left)
        else:
            self.unread_damage.partitions += 1

    async def _judge(self, part: DayPart) -> None:
        changes: dict[RowKey, RowChange] = {}
        repairs = await self._repairs(part)
        for result in part.results:
            self.checked += 1
            self.bytes += result.read
            self.without_checksum += result.unknown
            if result.unread:
                self._note_unread(result.unread)
                self.unread_damage.add(each.key for each in expected_of(result.row, self.layout))
            change = await self._change_of(result, repairs)
            if change is not None:
                changes[result.row.key] = change
        if changes:
            self._changes.setdefault(part.day, {}).update(changes)
            self._pending += len(changes)
        self.on_progress(self._progress())
        if self._pending >= COMMIT_ROWS or self.ports.monotonic() - self._since >= COMMIT_SECONDS:
            await self._commit()

    async def _change_of(self, result: RowResult, repairs: Mapping[str, _Repaired]) -> RowChange | None:
        if result.is_nameless:
            return await self._nameless(result)
        if not result.wrong:
            is_proof = self.level is Level.CONTENT and result.is_intact
            return change_of_intact(result, self.layout) if is_proof else None
        change = RowChange(fixity_of(result.row))
        whole = not result.unread
        for wrong in result.wrong:
            repair, corrected = repairs.get(wrong.expected.key, (None, None))
            done = corrected is not None or (repair is not None and repair.done)
            whole = whole and done
            self._add(wrong, repair, corrected, lost=result.row.state == State.LOST)
            if not wrong.expected.is_current:
                continue
            if done:
                change = replace(change, uri=self.layout.uri(wrong.expected.key), corrected=corrected)
            elif self.repairer is not None or result.row.state == State.LOST:
                beside = repair.beside if repair else None
                change = replace(change, lost=self._findings[-1].detail, beside=beside)
        first = expected_of(result.row, self.layout)[0]
        if whole and self.level is Level.CONTENT:
            return replace(change, verified=True, uri=self.layout.uri(first.key) if first.is_current else None)
        return change if change != RowChange(fixity_of(result.row)) else None

    async def _repairs(self, part: DayPart) -> dict[str, _Repaired]:
        """Repair what is wrong with these rows, by the key of the object."""
        wrong = [each for result in part.results for each in result.wrong]
        if self.repairer is None or not wrong:
            return {}
        repairs = await together(self._repaired(each, self.repairer) for each in wrong)
        return {each.expected.key: repair for each, repair in zip(wrong, repairs, strict=True)}

    async def _repaired(self, wrong: Wrong, repairer: Repairer) -> _Repaired:
        """Repair the object, or the row if the object is what its key says."""
        expected, seen = wrong.expected, wrong.seen
        if seen and seen.sha256 and expected.is_misrecorded(seen) and expected.is_current:
            return None, (seen.sha256, seen.size)
        return await self._put_back(repairer, expected, seen), None

    async def _put_back(self, repairer: Repairer, expected: Expected, seen: Seen | None) -> Repair:
        """Repair the object. The day is written even if no row changes: the row may have been forgotten meanwhile."""
        row, day = expected.row, day_of(expected.row.created_at)
        async with self._lock:
            self._forgotten |= await self.committer.about_to_store([day])
        if row.output_id in self._forgotten.get(day, ()):
            return Repair(False, "its output was forgotten in the meantime")
        try:
            return await repairer.repair(expected, seen)
        finally:
            # Whatever came of it: an image that could not be read back is in the bucket all the same.
            self._changes.setdefault(day, {})
            self._stored.add((day, row.output_id))

    def _add(self, wrong: Wrong, repair: Repair | None, corrected: tuple[str, int] | None, *, lost: bool) -> None:
        finding = replace(wrong.finding(), known=lost or not wrong.expected.is_current)
        if corrected:
            finding = replace(finding, repaired=True, detail=f"{finding.detail}. The row was corrected")
        elif repair:
            begin = "Repaired: " if repair.done else "Not repaired: "
            finding = replace(finding, repaired=repair.done, detail=f"{finding.detail}. {begin}{repair.how}")
        if wrong.seen and wrong.seen.sha256:
            self._hashes[len(self._findings)] = wrong.seen.sha256
        self._findings.append(finding)

    async def _nameless(self, result: RowResult) -> RowChange | None:
        """A row that does not name its object: its hash and type say where the object should be."""
        row, expected = result.row, likely(result.row, self.layout)
        key = expected.key if expected else self.layout.partition(self._day_of(result))
        detail, done, change = f"the row is {row.state!s}, and its uri is {row.uri!r}", False, None
        if self.repairer is not None and expected is None:
            detail += ". Not repaired: it has no SHA-256 either; the next run copies its image again"
            change = RowChange(fixity_of(row), lost=detail)
        elif self.repairer is not None and expected is not None:
            seen: Seen | None = await self.stored.seen(key)
            repair = Repair(True, "its object was found by the recorded SHA-256")
            if expected.what_is_wrong(seen):
                repair = await self._put_back(self.repairer, expected, seen)
            done, uri = repair.done, self.layout.uri(key)
            detail += f". {'Repaired' if done else 'Not repaired'}: {repair.how}"
            change = RowChange(fixity_of(row), uri=uri, named=uri, beside=repair.beside)
            change = replace(change, verified=True) if done else replace(change, lost=detail)
        self._findings.append(Finding(Kind.ROW_WITHOUT_OBJECT_NAME, key, *row.key, detail, done))
        return change

    def _day_of(self, result: RowResult) -> date:
        return result.row.created_at.date()

    def _note_unread(self, reason: str) -> None:
        self.unread += 1
        self.first_unread = self.first_unread or reason

    async def _commit(self) -> None:
        """Write the rows that have come together."""
        async with self._lock:
            changes, self._changes, self._pending = self._changes, {}, 0
            stored, self._stored = self._stored, set()
            self._since = self.ports.monotonic()
            now = self.ports.clock.now()
            try:
                if stored or any(each.lost for own in changes.values() for each in own.values()):
                    # What is stored or missed here need not be so where the archive was before.
                    place, days = place_of(self.ports.store, self.layout), {day for day, _ in stored}
                    await self.committer.amend(lambda found: rewritten(arrived(found, place), days))
                await self.committer.amend_rows({day: change_of(own, now) for day, own in changes.items()}, stored)
            except ArchiveError:
                # For the next commit. Other days have gone on meanwhile.
                self._changes = {
                    day: changes.get(day, {}) | self._changes.get(day, {}) for day in changes | self._changes
                }
                self._stored |= stored
                raise

    def _progress(self) -> Progress:
        return Progress(
            done=self.checked,
            planned=max(self.planned, self.checked),
            failed=len(self._findings),
            bytes=self.bytes,
            stage="verifying",
        )
