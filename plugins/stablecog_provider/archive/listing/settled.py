"""Up to where the listing can be read: nothing can appear any more before that instant."""

from __future__ import annotations

from datetime import datetime, timedelta

from ...model.coverage import Axis
from ...model.page import Page

CLOCK_TOLERANCE = timedelta(minutes=5)
"""The source's clock is believed so far ahead of ours: else one wrong `Date` would claim days that have not come."""


def settled_before(page: Page, axis: Axis, now: datetime) -> datetime:
    """Return the instant (`axis`) before which nothing can appear any more, as of this page. `now`: by our clock."""
    return min(page.source_time, now + CLOCK_TOLERANCE) - axis.settling
