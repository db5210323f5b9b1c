"""The places that differed in earlier runs: each is compared alone until it agrees, so that no sum can hide it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from ...model.counts import CountComparison, Difference
from ...model.coverage import Window
from ...model.times import BEGINNING
from ..listing.capabilities import Capabilities
from .places import Places

LOOKS = 8
"""Remembered places that a run looks at."""
MAX_DIFFERENCES = 64
"""Places that are remembered; if there are more, neighbours are remembered together."""


@dataclass(slots=True, kw_only=True)
class Remembered:
    """`differences`: what this run leaves. `consented`: whether a person has just allowed deletions, so that every place is
    worth another look now.
    """

    places: Places
    capabilities: Capabilities
    now: datetime
    consented: bool = False
    differences: list[Difference] = field(default_factory=list)

    async def look(self, remembered: Iterable[Difference]) -> None:
        """Compare the remembered places, each alone; read again those whose counts changed or that are due."""
        places = self.places
        waiting = sorted(remembered, key=lambda each: each.due)
        self.differences = waiting[LOOKS:]
        for each in waiting[:LOOKS]:
            if not self.capabilities.counts_by_date and each.start > BEGINNING:
                await self._look_without_counts(each)
                continue
            counted = await places.rereading.counts.of(each.window)
            if counted is None:
                self.differences.append(each)
                continue
            found = CountComparison(each.window, counted, await places.rereading.held(each.window))
            if found.agrees:
                await self._confirm(each, found)
                continue
            same = (found.source, found.manifest) == (each.source, each.manifest)
            rests = each.looked_at <= self.now < each.due
            if same and rests and not self.consented:
                self.differences.append(each)
            elif places.is_small(found) or not self.capabilities.counts_by_date:
                await self.examine([found], each)
            else:
                await self.examine(await places.locate(each.window, found.source), each)

    async def _confirm(self, each: Difference, found: CountComparison) -> None:
        """Forget a place whose counts agree now. If the source counts otherwise than before, it may have lost one output while
        another one is still missing: then the listing must show what the manifest holds.
        """
        places = self.places
        in_doubt = found.source != each.source or not each.surplus
        if not in_doubt:
            return
        if not places.fits_a_page(found):
            await self._confirm_in_pieces(each, found)
            return
        rests = not each.surplus and each.looked_at <= self.now < each.due
        if rests or not places.rereading.budget.left:
            self.differences.append(each)
        elif not (await places.rereading.read_again(each.window)).all_listed:
            self.differences.append(each.looked(await places.compared(found), self.now))

    async def _confirm_in_pieces(self, each: Difference, found: CountComparison) -> None:
        """Compare a place that no page shows, the first piece first, as far as half of the budget reaches. What is left is one
        place for the next run: an output that is missing and one that was deleted may cancel out in it.
        """
        places, left = self.places, found
        if not self.capabilities.counts_by_date:
            return
        while places.rereading.budget.ample and not places.fits_a_page(left):
            piece = await self._first_piece(left.window)
            counted = None if piece is None else await places.rereading.counts.of(piece)
            if piece is None or counted is None:
                break
            first = CountComparison(piece, counted, await places.rereading.held(piece))
            rest = Window(piece.end, left.window.end)
            left = CountComparison(rest, max(0, left.source - counted), await places.rereading.held(rest))
            # Of the piece alone, no earlier count is known: it is in doubt even if its counts agree.
            alone = self._part(each, first)
            await (self._confirm(alone, first) if first.agrees else self.examine([first], alone))
        self.differences.append(self._part(each, left))

    async def _first_piece(self, window: Window) -> Window | None:
        """The beginning of the window, as much as a page can show. None if it cannot be divided."""
        piece: Window | None = None
        while piece is None or not self.places.fits_a_page(await self._as_held(piece)):
            middle = self.places.middle(piece or window)
            if middle is None:
                return piece
            piece = Window(window.start, middle)
        return piece

    async def _as_held(self, window: Window) -> CountComparison:
        held = await self.places.rereading.held(window)
        return CountComparison(window, held, held)

    def _part(self, each: Difference, part: CountComparison) -> Difference:
        """A part of a remembered place, due at once."""
        return Difference(part.window.start, part.window.end, part.source, part.manifest, each.first_seen_at, self.now)

    async def _look_without_counts(self, each: Difference) -> None:
        """Read a place again that cannot be counted alone any more. It is settled if the listing shows there what the manifest
        holds, and the counts of all up to its end agree.
        """
        places, whole = self.places, Window(BEGINNING, each.end)
        rests = each.looked_at <= self.now < each.due
        if (rests and not self.consented) or not places.rereading.budget.left:
            self.differences.append(each)
            return
        # Without a count of the place, nothing in it is marked as deleted; that takes a reading of the whole.
        same = (await places.rereading.read_again(each.window)).all_listed or (
            not (await places.rereading.read_again(whole)).all_listed
            and (await places.rereading.read_again(each.window)).all_listed
        )
        if not same or await places.rereading.counts.of(whole) != await places.rereading.held(whole):
            self.differences.append(each.looked(CountComparison(each.window, each.source, each.manifest), self.now))

    async def examine(self, found: Iterable[CountComparison], before: Difference | None) -> None:
        for place in found:
            left = await self.places.examine(place, before)
            if left is not None:
                self.differences.append(left)

    async def capped(self) -> tuple[Difference, ...]:
        """The remembered places, rising; the nearest neighbours together if there are too many."""
        kept = sorted(self.differences, key=lambda each: each.start)
        while len(kept) > MAX_DIFFERENCES:
            gaps = [later.start - earlier.end for earlier, later in pairwise(kept)]
            at = gaps.index(min(gaps))
            one, other = kept[at], kept[at + 1]
            between = await self.places.rereading.held(Window(one.end, other.start)) if one.end < other.start else 0
            kept[at : at + 2] = [
                replace(
                    one,
                    end=max(one.end, other.end),
                    source=one.source + between + other.source,
                    manifest=one.manifest + between + other.manifest,
                    looks=min(one.looks, other.looks),
                )
            ]
        return tuple(kept)
