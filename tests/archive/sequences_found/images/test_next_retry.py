"""What a report says of images that were not tried."""

from __future__ import annotations

from stablecog_provider.errors import SourceUnavailable
from stablecog_provider.model.object_keys import Rendition
from support.stage import NOON, days_of, stage_of


async def test_the_next_retry_does_not_lie_in_the_past() -> None:
    """The host is down, so most of its images are skipped."""
    stage = stage_of(*days_of(20, 3))
    for output in stage.simulated.visible(NOON):
        stage.images.broken[output.file_name(Rendition.ORIGINAL)] = SourceUnavailable("cannot connect")
    await stage.run()
    report = (await stage.ordinary_runs(2))[-1]
    assert report.next_retry is not None
    assert report.next_retry >= report.finished_at, [line for line in report.explain() if "Next retry" in line]
