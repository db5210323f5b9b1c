"""What is said of images that are gone."""

from __future__ import annotations

from stablecog_provider.errors import ImageGone
from stablecog_provider.model.object_keys import Rendition
from support.stage import NOON, days_of, stage_of


async def test_a_report_claims_no_longer_an_absence_than_was_counted() -> None:
    """Daily runs: it says nothing of days before the sixth answer, and then what was counted."""
    stage = stage_of(*days_of(5, 2))
    name = stage.simulated.visible(NOON)[2].file_name(Rendition.ORIGINAL)
    stage.images.broken[name] = ImageGone("404")
    explained = []
    for report in [await stage.run(), *await stage.ordinary_runs(7)]:
        (line,) = [line for line in report.explain() if "gone at the source" in line]
        assert "more than" not in line
        explained.append("gone in 6 or more attempts in a row, over at least 31 hours" in "\n".join(report.explain()))
    assert explained == [False] * 5 + [True] * 3
