"""A picture as people see it: one output with its images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ...model.manifest import State
from ...model.object_keys import Rendition


@dataclass(frozen=True, slots=True)
class File:
    """An image of a picture. `uri`, `sha256`: empty if no bytes are stored. `bytes`: 0 if unknown."""

    state: State
    uri: str = ""
    content_type: str = ""
    bytes: int = 0
    sha256: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One output. `width`, `height`: of the original, in pixels; 0 if unknown. `files`: by rendition, the original first."""

    output_id: str
    created_at: datetime
    generation_id: str = ""
    prompt: str = ""
    model_id: str = ""
    width: int = 0
    height: int = 0
    is_favorited: bool = False
    deleted_at: datetime | None = None
    files: Mapping[Rendition, File] = field(default_factory=dict)

    @property
    def state(self) -> State:
        """The state of the original, or of the only image."""
        return next(iter(self.files.values())).state

    @property
    def is_forgotten(self) -> bool:
        return any(file.state == State.FORGOTTEN for file in self.files.values())

    @property
    def shown(self) -> File | None:
        """The stored image to show: the original, or else the upscaled one. None if neither is stored, or if it was forgotten."""
        if self.is_forgotten:
            return None
        return next((file for file in self.files.values() if file.state == State.ARCHIVED and file.uri), None)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of the gallery, newest first. After it comes what was requested before `at`, or at `at` with a
    smaller id.
    """

    at: datetime
    output_id: str = ""


@dataclass(frozen=True, slots=True)
class Matches:
    """Pictures of one day, newest first. `total`: how many match on that day, whatever the position."""

    pictures: Sequence[Picture] = ()
    total: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a position is among the `total` matching pictures of a day: `number`, from 1 on."""

    number: int
    total: int
