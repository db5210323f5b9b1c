"""Reads stretches of the history again, slice by slice, and holds each against the manifest."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from ..model.checkpoint import Checkpoint
from ..model.coverage import Coverage
from .committing.commit import Committer
from .committing.ledger import Ledger
from .committing.pipeline import Pipeline
from .committing.tally import Tally
from .listing.capabilities import Probe
from .listing.pace import Pace, SlicesRead
from .listing.sweep import Slice, read_next_slice
from .ports import Source
from .proving.sweep import advanced, swept, unlisted_in

REQUESTS_PER_SLICE = 4
"""What a run may spend on each slice beyond the first, to read again where listing and manifest differ."""

SAVE_EVERY = 8
"""Slices. Each save writes the checkpoint."""


@dataclass(slots=True)
class Refreshing:
    """One run's. `read_at`: not after the first slice was read. `so_far`: what has been read again."""

    source: Source
    asked: Probe
    ledger: Ledger
    committer: Committer
    pipeline: Pipeline
    read_at: datetime
    so_far: SlicesRead = field(init=False, default_factory=SlicesRead)
    _unsaved: list[Slice] = field(init=False, default_factory=list)
    _is_share: bool = field(init=False, default=False)

    @property
    def extra_requests(self) -> int:
        """Requests that reading on after the first slice entitles the proof to."""
        return max(0, self.so_far.slices - 1) * REQUESTS_PER_SLICE

    @property
    def request_limit(self) -> int:
        """The most requests that the slices beyond the first take, and what comes of them; without pages."""
        return max(0, self.so_far.slices - 1) + self.extra_requests

    def noted(self, found: Checkpoint) -> Checkpoint:
        """The checkpoint, on the axis of the walk, with the slices that were read since the last save."""
        for slice_ in self._unsaved:
            found = advanced(found, slice_, self.read_at)
        if not self._is_share:
            return found
        return replace(found, sweep=replace(found.sweep, paced=max(self.read_at, found.sweep.paced or self.read_at)))

    async def read(self, slice_: Slice | None, pace: Pace) -> Tally:
        """Archive what reading again adds, from this slice on, until the pace is kept or everything was read once. The
        position is saved after a few slices, so that a run that is killed repeats few; the last ones are left to `noted`.
        """
        tallies, done, self._is_share = list[Tally](), Coverage(), pace.is_share
        wanted = self._known().coverage
        while slice_ is not None:
            if len(self._unsaved) >= SAVE_EVERY:
                await self._save(Coverage())
            tallies.append(await self._hold_against_manifest(slice_))
            self.so_far = SlicesRead(self.so_far.slices + 1, self.so_far.outputs + len(slice_.outputs))
            before, done = done, done.merge(Coverage((slice_.window,)))
            known = self.noted(self._known())
            # A slice that adds nothing is no progress: its beginning cannot be read past.
            if not wanted.subtract(done) or done == before or not pace.wants_more(self.so_far, known):
                break
            slice_ = await read_next_slice(self.source, self.asked, known)
        return Tally.sum(tallies)

    def _known(self) -> Checkpoint:
        return self.committer.checkpoint.on(self.asked.capabilities.axis)

    async def _hold_against_manifest(self, slice_: Slice) -> Tally:
        """Archive what the slice adds. If the manifest holds more than is listed there, note where: it is read again, and
        counted, before anything is made of it.
        """
        axis = self.asked.capabilities.axis
        tally = await self.pipeline.run(swept(slice_, self.ledger, self.committer.coverage, axis, self.read_at))
        odd = await unlisted_in(slice_, self.ledger, self.committer.checkpoint.partitions, axis)
        self._unsaved.append(slice_)
        if odd:
            await self._save(odd)
        return tally

    async def _save(self, odd: Coverage) -> None:
        await self.committer.amend(lambda found: self.noted(replace(found, reread=found.reread.merge(odd))))
        self._unsaved.clear()
