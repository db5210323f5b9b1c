"""Addresses of images that need their query (a signature, a version). The archive stores none, since it may be a secret."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from stablecog_provider.archive.ports import ImageBody
from stablecog_provider.errors import ImageGone, SourceUnavailable
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.model.row_attempts import retry_due
from support.stage import DAY, HOUR, NOON, StagedImages, days_of, stage_of


class Signed(StagedImages):
    """A host that has an image only at its whole address."""

    signature = "1"

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        if not self.down and not url.endswith(f"?signature={self.signature}"):
            raise ImageGone(f"404: {url}")
        async with super().open(url.partition("?")[0]) as body:
            yield body


@pytest.mark.long
async def test_an_image_is_retried_at_the_address_that_is_listed_now() -> None:
    stage = stage_of(*days_of(40, 25))
    images = stage.images = Signed(stage.simulated)

    def sign(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            output["image_url"] += f"?signature={images.signature}"

    stage.spoil = sign
    images.down["simulated.test"] = SourceUnavailable("503")
    await stage.checked_run()
    await stage.ordinary_runs(2)
    images.down.clear()
    images.signature = "2"
    reports = await stage.ordinary_runs(8)
    await stage.assert_nothing_lost()
    assert reports[-1].outcome == "proven"
    assert not any("signature=" in str(row) for row in (await stage.rows()).values())


async def test_an_image_that_is_listed_no_more_rests_ever_longer() -> None:
    """Its output is deleted before it could be fetched, so that nobody names its whole address any more."""
    stage = stage_of(*days_of(20, 5))
    images = stage.images = Signed(stage.simulated)

    def sign(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            output["image_url"] += f"?signature={images.signature}"

    stage.spoil = sign
    output = stage.simulated.visible(NOON)[0]
    images.broken[output.file_name(Rendition.ORIGINAL)] = SourceUnavailable("500")
    await stage.checked_run()
    stage.simulated.delete(output.id, stage.clock.now())
    await stage.ordinary_runs(8, every=2 * HOUR)
    row = (await stage.rows())[output.id, "original"]
    due = retry_due(row)
    assert due is not None
    assert due > stage.clock.now() + 2 * HOUR, (row.attempts, row.attempted_at)


async def test_an_image_that_moved_is_retried_where_it_is() -> None:
    """Its new address is listed, but lies before the lookback."""
    stage = stage_of(*days_of(40, 25))
    stage.images.down["simulated.test"] = SourceUnavailable("503")
    await stage.checked_run()
    await stage.ordinary_runs(1, every=HOUR)

    def move(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            output["image_url"] = output["image_url"].replace("simulated.test", "elsewhere.test")

    stage.spoil = move
    await stage.ordinary_runs(4, every=2 * DAY)
    await stage.assert_nothing_lost()
