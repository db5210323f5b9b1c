"""What naming models and schedulers needs from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from ...model.model_listing import ModelListing
from ...model.register import Register


class Kind(StrEnum):
    """What has a register. The values are the names of the tables."""

    MODELS = "models"
    SCHEDULERS = "schedulers"


class Answer(NamedTuple):
    """A listing of models. `source_time`: the source's own time."""

    listing: ModelListing
    source_time: datetime


class ModelSource(Protocol):
    """The API's public list of models."""

    async def models(self) -> Answer:
        """Ask once, without the key and without retries. Raises ArchiveError."""


class Registers(Protocol):
    """The registers in the bucket. Every method raises what the store raises, and ArchiveDamaged for what is no register."""

    async def load(self, kind: Kind) -> Register:
        """Return the register; an empty one if there is none."""

    async def update(self, kind: Kind, change: Callable[[Register], Register]) -> Register:
        """Save `change(what the bucket holds)` by compare-and-swap. `change` may be applied again to a newer register, so it must
        add knowledge. Raises StoreUnavailable after too many lost races.
        """


@dataclass(frozen=True, slots=True)
class Naming:
    """What a run needs to keep the names up to date."""

    source: ModelSource
    registers: Registers
