"""How many outputs a run will list, for its progress."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ...model.checkpoint import Checkpoint
from ...model.coverage import Coverage, Window
from ...model.times import BEGINNING, FAR_FUTURE
from ..ports import Source
from .capabilities import Capabilities, WalkKind
from .counts import count_window
from .gaps import held

_MOST_COUNTED = 8
"""Windows that are counted one by one."""


async def expected_outputs(
    source: Source, windows: Coverage, capabilities: Capabilities, checkpoint: Checkpoint, settled: datetime
) -> int | None:
    """Return about how many outputs a walk through the windows lists, or None if the source reports no count.

    Takes a request per window, or one if counts do not honour dates. `checkpoint`: on the walk's axis.
    """
    if capabilities.counts_by_date and len(windows.windows) <= _MOST_COUNTED:
        # A walk to its end lists what has not settled, too.
        open_ended = (replace(each, end=FAR_FUTURE) if each.end >= settled else each for each in windows)
        counts = [await count_window(source, window) for window in open_ended]
        return None if None in counts else sum(count or 0 for count in counts)
    total = await count_window(source, Window(BEGINNING, FAR_FUTURE))
    if total is None or capabilities.walk is WalkKind.DOCUMENTED:
        # Every walk lists everything.
        return total
    outside = checkpoint.live - sum(held(checkpoint, window) for window in windows)
    return max(0, round(total - outside))
