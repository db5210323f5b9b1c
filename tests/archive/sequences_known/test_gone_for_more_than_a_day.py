"""What is said of images that are gone."""

from __future__ import annotations

import pytest

from stablecog_provider.errors import ImageGone
from stablecog_provider.model.object_keys import Rendition
from support.stage import NOON, days_of, stage_of

pytestmark = pytest.mark.xfail(strict=True, reason="known, and not fixed yet: docs/reliability.md")


async def test_what_is_gone_for_days_is_said_to_be_gone_for_days() -> None:
    """Daily runs: on the fourth day the host has answered 404 for three days."""
    stage = stage_of(*days_of(5, 2))
    name = stage.simulated.visible(NOON)[2].file_name(Rendition.ORIGINAL)
    stage.images.broken[name] = ImageGone("404")
    await stage.run()
    report = (await stage.ordinary_runs(3))[-1]
    assert "of which 0 for more than a day" not in "\n".join(report.explain()), report.explain()
