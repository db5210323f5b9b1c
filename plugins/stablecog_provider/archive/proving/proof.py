"""The proof by counting: what the source counts, against what the manifest holds.

One sum over everything would be fooled by a loss and a deletion together. So what was read now is compared alone, the whole is
split at another midnight in each run, and a place that once differed is remembered with both counts and compared alone until it
agrees. What no count can see, the sweep finds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from itertools import pairwise

from ...model.checkpoint import Checkpoint
from ...model.counts import CountComparison, Difference, Proof
from ...model.coverage import Axis, Coverage, Window
from ...model.partition_summary import PartitionSummary
from ...model.times import BEGINNING, FAR_FUTURE, MICROSECOND
from ..committing.inventory import day_window
from ..committing.partitions import MOST_REFUSED
from ..listing.capabilities import Capabilities, WalkKind
from ..listing.opaque_walk import is_due
from .places import Places
from .remembered import MAX_DIFFERENCES, Remembered

PIECE = 600
"""Outputs of a changed day that are read again at a time."""
PIECES = 16
"""About as many of them as a run reads: so far apart do two runs begin."""

MAX_RECENT = 8
"""Stretches read now that are compared each on its own, at two counts each: the widest, where most of what is new lies."""
MAX_HOLES = 8
"""Holes that are remembered, each of which is counted in every run, as long as they can be joined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProof:
    """The end of a run's proof. `known`: the checkpoint when it began. `holes`: stretches of the walk's axis that the listing
    cannot show. `claims`: sentences on what the proof rests on. `read_whole`: whether all that the source lists was read again.
    """

    known: Checkpoint
    proof: Proof | None
    differences: tuple[Difference, ...] = ()
    holes: tuple[Difference, ...] = ()
    claims: tuple[str, ...] = ()
    read_whole: bool = False


@dataclass(slots=True, kw_only=True)
class Prover:
    """Proves what one run claims. `known`: the checkpoint when proving begins, on the walk's axis. `consented`: whether a
    person has just allowed deletions, so that every place is worth another look now. `read_whole`: read everything again if the
    source's cursor is opaque, even if that is not due.
    """

    places: Places
    capabilities: Capabilities
    known: Checkpoint
    now: datetime
    consented: bool = False
    read_whole: bool = False
    _remembered: Remembered = field(init=False)

    def __post_init__(self) -> None:
        self._remembered = Remembered(
            places=self.places, capabilities=self.capabilities, now=self.now, consented=self.consented
        )

    async def prove(self, asked: Window, recent: Coverage, holes: Coverage) -> RunProof:
        """Compare and repair. `asked`: the bounds of the run. `recent`: what was read now (walk's axis); empty if there was
        nothing new in it. `holes`: what the walks could not show.
        """
        opaque = self.capabilities.walk is WalkKind.DOCUMENTED and not self.capabilities.single
        if opaque and (self.read_whole or is_due(self.known, self.now)):
            await self.places.rereading.read_whole()
        await self._read_changed_days()
        await self._remembered.look(self.known.differences)
        axis = self.capabilities.axis
        # What was covered before, and is only read again, is no hole.
        holes = holes.subtract(self.known.coverage)
        covered = self.places.rereading.committer.coverage.merge(holes).merge(
            Coverage.of(each.window for each in self.known.holes)
        )
        claimed = covered.on(Axis.REQUESTED, axis).intersect(Coverage((asked,)))
        claims = []
        if not self.capabilities.counts_by_date:
            # Only the whole can be compared with a total, and only if the whole is claimed.
            whole = [window for window in claimed if window.start <= BEGINNING][:1]
            claimed, recent = Coverage(tuple(whole)), Coverage()
            claims.append("The source's counts ignore dates: completeness is judged by its total count alone.")
        if opaque:
            claims.append(
                "The source's cursor is opaque: only the total count shows outputs that were lost between two pages, until "
                "everything is read again, every 7 days."
            )
        stretches = self._stretches(claimed, recent.on(Axis.REQUESTED, axis))
        # The oldest of the counts is the time of the proof.
        counted_at = self.places.clock.now()
        compared = [await self._compare(stretch) for stretch in stretches]
        left = await self._fill(holes, claimed)
        claims += self.places.rereading.counts.claims
        proof = _together(compared, counted_at)
        if claim := self.places.rereading.guard.claim():
            claims.append(claim)
        differences = await self._remembered.capped()
        claims = list(dict.fromkeys(claims))
        return RunProof(
            known=self.known,
            proof=proof,
            differences=differences,
            holes=left,
            claims=tuple(claims),
            read_whole=self.places.rereading.whole_is_complete,
        )

    async def _read_changed_days(self) -> None:
        """Read the days again whose partition was changed by something else: a count would not show which rows it holds.

        Each run begins elsewhere, so that no day waits for ever if something changes every partition each night; and half of the
        allowance is left to places whose counts differ, if there are any.
        """
        committer, budget, fresh = self.places.rereading.committer, self.places.rereading.budget, set[date]()
        days = [day_window(day).start for day in self.known.live_days if day_window(day).start in self.known.reread]
        reached = days[self.known.proofs * PIECES % len(days)] if days else BEGINNING
        tried, ledger, refused = Coverage(), self.places.rereading.ledger, 0
        while (
            (left := committer.checkpoint.reread.subtract(tried))
            and (budget.ample if self.known.differences else budget.left)
            and refused < MOST_REFUSED
        ):
            later = left.intersect(Coverage((Window(reached, FAR_FUTURE),)))
            window = (later or left).windows[0]
            day = window.start.date()
            if day not in fresh:
                # Another run may have marked it for a change that is not in what this run has read before.
                fresh.add(day)
                ledger.forget(day)
            if not await ledger.readable([day]):
                refused += 1
                tried = tried.merge(Coverage((day_window(day),)))
                continue
            piece = await self._next_piece(window)
            await self.places.rereading.read_again(piece)
            version = (await ledger.partition(day)).version
            await committer.amend(partial(_read, piece, day, version))
            tried, reached = tried.merge(Coverage((piece,))), piece.end

    async def _next_piece(self, window: Window) -> Window:
        """At most a day, and at most about two pages."""
        end = min(window.end, day_window(window.start.date()).end)
        held = await self.places.rereading.held(Window(window.start, end))
        piece = (end - window.start) / max(1, -(-held // PIECE))
        return Window(window.start, window.start + max(piece, MICROSECOND))

    async def _compare(self, stretch: Window) -> CountComparison | None:
        """Both counts of a stretch, after the repair of what is new in it. None if the source names no count."""
        places = self.places
        source = await places.rereading.counts.of(stretch)
        if source is None:
            return None
        if source != await places.expected(stretch, self._remembered.differences):
            await self._remembered.examine(
                await places.locate(stretch, source, tuple(self._remembered.differences)), None
            )
            source = await places.rereading.counts.of(stretch)
            if source is None:
                return None
        compared = CountComparison(stretch, source, await places.rereading.held(stretch))
        if compared.agrees or self._remembered.differences:
            return compared
        return await places.rereading.read_all_covered(compared)

    def _stretches(self, claimed: Coverage, recent: Coverage) -> list[Window]:
        """What is claimed, in the parts that are compared each on its own: cut where the recent begins and at another midnight
        in each run, but never through a remembered difference.
        """
        if not self.capabilities.counts_by_date:
            return list(claimed)
        widest = sorted(recent, key=lambda window: window.end - window.start)[-MAX_RECENT:]
        cuts = [instant for window in widest for instant in (window.start, window.end)]
        days = [day_window(day).start for day in self.known.live_days]
        if days and days[0] <= BEGINNING:
            # Rows of outputs whose date cannot be read are under the beginning; the source counts these outputs elsewhere.
            return list(claimed)
        if len(days) > 1:
            cuts.append(days[1 + _turn(self.known.proofs, len(days) - 1)])
        parts: list[Window] = []
        for window in claimed:
            inside = sorted({cut for cut in map(self._clear, cuts) if window.start < cut < window.end})
            edges = [window.start, *inside, window.end]
            parts += [Window(start, end) for start, end in pairwise(edges)]
        return parts

    def _clear(self, cut: datetime) -> datetime:
        return next((each.start for each in self._remembered.differences if each.start < cut < each.end), cut)

    async def _fill(self, holes: Coverage, claimed: Coverage) -> tuple[Difference, ...]:
        """The listing could not show that nothing is missing in a hole; a count of that very place can, once all around it is
        claimed. One sum over more could not: there a loss may hide behind a deletion. What stays is not walked again until it
        is due, so that the next walk goes on behind it.
        """
        places, axis, left = self.places, self.capabilities.axis, list[Difference]()
        for hole in self._holes(holes):
            inside = [each for each in self.known.holes if hole.start <= each.start < hole.end]
            before = min(inside, key=lambda each: each.looks, default=None)
            if not self.capabilities.counts_by_date:
                left += inside
                continue
            around = Coverage((hole,)).around(Axis.REQUESTED, axis)
            (window,) = around
            counted = await places.rereading.counts.of(window)
            if counted is None:
                left += inside
                continue
            found = CountComparison(window, counted, await places.rereading.held(window))
            if found.agrees and not around.subtract(claimed):
                await places.rereading.committer.save(Coverage((hole,)), {})
                continue
            known = before or Difference(hole.start, hole.end, found.source, found.manifest, self.now, self.now)
            walked = before is None or bool(holes.intersect(Coverage((before.window,))))
            known = known.looked(found, self.now) if walked else known
            left.append(replace(known, start=hole.start, end=hole.end, source=found.source, manifest=found.manifest))
        return tuple(left[:MAX_DIFFERENCES])

    def _holes(self, found: Coverage) -> list[Window]:
        """The holes found now and before. If there are many, neighbours become one if all between them is covered."""
        covered, joined = self.places.rereading.committer.coverage, list[Window]()
        # What a walk has covered since, its pages have shown.
        left = Coverage.of(each.window for each in self.known.holes).subtract(covered)
        every = list(found.merge(left))
        for number, hole in enumerate(every):
            between = Window(joined[-1].end, hole.start) if joined else None
            if between and number >= MAX_HOLES and not covered.gaps(between):
                joined[-1] = Window(joined[-1].start, hole.end)
            else:
                joined.append(hole)
        return joined


def _read(piece: Window, day: date, version: str, checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint without the mark of what was read, unless another version of the partition was noted since."""
    if checkpoint.partitions.get(day, PartitionSummary()).version != version:
        return checkpoint
    return replace(checkpoint, reread=checkpoint.reread.subtract(Coverage((piece,))))


def _together(compared: list[CountComparison | None], at: datetime) -> Proof | None:
    """The proof of all stretches; None if there is none, or if the source did not count one of them."""
    found = [each for each in compared if each is not None]
    if not found or len(found) < len(compared):
        return None
    source, manifest = (sum(getattr(each, name) for each in found) for name in ("source", "manifest"))
    whole = Window(found[0].window.start, found[-1].window.end)
    # Once it is covered, nobody may have compared it: the proof must not seem to be of it.
    left_out = Coverage.of(each.window for each in found).gaps(whole)
    return Proof(whole.start, whole.end, source, manifest, at, len(found), left_out)


def _turn(number: int, places: int) -> int:
    """Another of so many places at each number, far ones first: all of them within twice as many numbers."""
    bits = max(1, (places - 1).bit_length())
    while True:
        turned = int(f"{number % 2**bits:0{bits}b}"[::-1], 2)
        if turned < places:
            return turned
        number += 1
