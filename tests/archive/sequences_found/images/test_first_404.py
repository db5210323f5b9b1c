"""The first image of the first run answers 404, and the same run fetches all others from that host."""

from __future__ import annotations

from datetime import timedelta

from stablecog_provider.errors import ImageGone
from stablecog_provider.model.object_keys import Rendition
from support.stage import HOUR, NOON, every, stage_of


async def test_what_the_host_served_is_known_when_a_404_is_judged() -> None:
    stage = stage_of(*every(timedelta(minutes=1), 60, 3 * HOUR))
    first = stage.simulated.visible(NOON)[0]
    stage.images.broken[first.file_name(Rendition.ORIGINAL)] = ImageGone("404")
    report = await stage.checked_run()
    assert report.copied == 59
    row = (await stage.rows())[first.id, "original"]
    assert row.state == "gone"
    assert "served no other image" not in (row.error or "")
