"""An image that is gone from a host that needs the query of each address, on an account where nothing is new."""

from __future__ import annotations

from typing import Any

import pytest

from stablecog_provider.errors import ImageGone
from stablecog_provider.model.object_keys import Rendition
from support.stage import DAY, NOON, every, stage_of

from .test_address_with_a_query import Signed


@pytest.mark.long
async def test_its_404_counts_beside_images_that_were_listed() -> None:
    stage = stage_of(*every(DAY, 10, DAY * 10))
    images = stage.images = Signed(stage.simulated)

    def sign(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            output["image_url"] += f"?signature={images.signature}"

    stage.spoil = sign
    images.broken[stage.simulated.visible(NOON)[4].file_name(Rendition.ORIGINAL)] = ImageGone("404")
    await stage.checked_run()
    reports = await stage.ordinary_runs(60)
    assert reports[-1].outcome == "proven", reports[-1].explain()
    assert not any("signature=" in str(row) for row in (await stage.rows()).values())
