"""Days whose partition something other than a finished run has changed, in a run's report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from .wording import SHOWN, at, counted


@dataclass(frozen=True, slots=True)
class Held:
    """What a partition holds: live outputs, and stored images."""

    outputs: int = 0
    images: int = 0

    def in_words(self) -> str:
        return f"{counted(self.outputs, 'output')} and {counted(self.images, 'image')}"


@dataclass(frozen=True, slots=True)
class ChangedDay:
    """`since`: when its object was written, by the store's clock; None if the store does not say, or nobody asked. `known`: what
    the checkpoint knew of. `found`: what was there when the run began. `now`: what is there after the run.
    """

    day: date
    since: datetime | None = None
    known: Held = Held()
    found: Held = Held()
    now: Held = Held()

    def in_words(self) -> str:
        written = f", written at {at(self.since)}" if self.since else ""
        line = f"{self.day}{written}: {self.known.in_words()} were known, {self.found.in_words()} were found"
        healed = Held(
            _healed(self.known.outputs, self.found.outputs, self.now.outputs),
            _healed(self.known.images, self.found.images, self.now.images),
        )
        if healed == Held():
            return f"{line}."
        return f"{line}, {self.now.in_words()} are there now. Healed: {healed.in_words()}."


def _healed(known: int, found: int, now: int) -> int:
    """How many of those that were known and not found are there again. What is new since was never broken."""
    return max(0, min(known, now) - found)


def changed_in_words(changed: Sequence[ChangedDay]) -> list[str]:
    """What was changed, and what the run healed of it."""
    if not changed:
        return []
    days = counted(len(changed), "partition was", "partitions were")
    lines = [
        f"{days} changed by something other than a finished run: counted again, and their days are read again.",
        *(f"  {each.in_words()}" for each in changed[:SHOWN]),
    ]
    return [*lines, f"  ... and {len(changed) - SHOWN:,} more."] if len(changed) > SHOWN else lines
