"""A DAG that always passes `retry_failed`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stablecog_provider.errors import ImageGone
from stablecog_provider.model.object_keys import Rendition
from support.stage import NOON, days_of, stage_of


@pytest.mark.long
async def test_an_image_that_was_gone_at_every_hour_of_ten_days_is_long_gone() -> None:
    """The attempts that come before their time count for nothing, but must not put off the one that counts."""
    stage = stage_of(*days_of(5, 2))
    stage.images.broken[stage.simulated.visible(NOON)[2].file_name(Rendition.ORIGINAL)] = ImageGone("404")
    for _ in range(24 * 10):
        stage.clock.advance(timedelta(hours=1))
        report = await stage.run(retry_failed=True)
    assert report.outcome == "proven", report.explain()
