"""A source that names each image differently whenever it lists it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from stablecog_provider.archive.ports import ImageBody
from support.stage import NOON, StagedImages, days_of, stage_of


class Renaming(StagedImages):
    """A host that has each image under any number before its name."""

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        folder, _, name = url.rpartition("/")
        async with super().open(f"{folder}/{name.partition('~')[2]}") as body:
            yield body


async def test_each_reading_costs_a_request_per_image_and_stores_nothing_twice() -> None:
    stage = stage_of(*days_of(20, 3))
    stage.images = Renaming(stage.simulated)
    numbers = count()

    def rename(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            folder, _, name = output["image_url"].rpartition("/")
            output["image_url"] = f"{folder}/{next(numbers)}~{name}"

    stage.spoil = rename
    outputs = len(stage.simulated.visible(NOON))
    await stage.checked_run()
    for _ in range(4):
        before = len(stage.images.asked)
        (report,) = await stage.ordinary_runs(1)
        assert report.outcome == "proven", report.explain()
        assert len(stage.images.asked) - before <= outputs
        assert sum("/images/" in key for key in stage.store.objects) == outputs
