"""What looking at an archive needs from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from ...model.manifest import Row
from ..naming.ports import Registers
from ..ports import Clock, StoredObjects
from .filters import Filter
from .picture import File, Matches, Picture, Place, Position


class Pictures(Protocol):
    """The manifest as pictures, one day at a time. What was read is kept by the partition's version, within a limit of bytes.

    `version`: the partition's, as the checkpoint has it. Every method raises what the store raises, and PartitionDamaged.
    """

    async def matches(self, day: date, version: str, wanted: Filter, before: Position | None, limit: int) -> Matches:
        """Return at most `limit` matching pictures of the day, from the position on."""

    async def newer(self, day: date, version: str, wanted: Filter, after: Position | None, limit: int) -> Matches:
        """Return at most `limit` matching pictures of the day that are just newer than the position; newest first, too."""

    async def place(self, day: date, version: str, wanted: Filter, at: Position) -> Place:
        """Return where the position is among the matching pictures of the day."""

    async def find(self, day: date, version: str, output_id: str) -> Picture | None:
        """Return the picture with this id."""

    async def beside(self, day: date, version: str, picture: Picture) -> Sequence[Picture]:
        """Return the pictures of the same generation, itself included, in the order of their ids."""

    def models(self) -> Sequence[str]:
        """Return the ids of the models of all pictures that were read so far, in order."""

    async def rows(self, day: date, output_id: str) -> Sequence[Row]:
        """Return the whole rows of an output, the original first. Reads the partition again."""


class Previews(Protocol):
    """Small versions of stored images, made on demand, and kept by hash."""

    async def of(self, file: File, key: str, height: int) -> bytes | None:
        """Return a JPEG of at most this height in pixels. None if there is no preview: the object is missing, has other bytes,
        is too large, or cannot be decoded. Raises what the store raises.
        """


@dataclass(frozen=True, slots=True)
class BrowsePorts:
    """Everything that looking at an archive needs. None of it writes to the bucket."""

    store: StoredObjects
    pictures: Pictures
    previews: Previews
    clock: Clock
    registers: Registers
