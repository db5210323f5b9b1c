"""Archive what the source has and the bucket lacks: the story itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..model.object_keys import Layout
from ..model.page import MAX_PER_PAGE
from .ports import Watcher, World
from .report import RunReport


@dataclass(frozen=True, slots=True)
class ArchiveSettings:
    """What one run is asked to do.

    `start`, `end`: bound the windows to archive (None: from the first output, to what is settled). `lookback`: how much of
    what is already covered is read again, so that late upscales and changed metadata arrive. `allow_unsafe_store`: go on
    where the store ignores conditional writes.
    """

    layout: Layout
    start: datetime | None = None
    end: datetime | None = None
    lookback: timedelta = timedelta(days=1)
    per_page: int = MAX_PER_PAGE
    concurrency: int = 32
    bytes_in_flight: int = 64 * 1024 * 1024
    allow_unsafe_store: bool = False


async def archive(world: World, settings: ArchiveSettings, watch: Watcher | None = None) -> RunReport:
    """Archive every gap of coverage, commit, prove. Raises ArchiveError; what was committed before stays committed."""
    raise NotImplementedError
