"""An image whose failures, or whose host's names, take turns, so that no row of equal failures grows long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from stablecog_provider.errors import ImageGone, SourceUnavailable
from stablecog_provider.model.object_keys import Rendition
from support.stage import HOUR, NOON, Stage, every, stage_of

HOURLY = 72
ENOUGH = 15
"""Attempts of one image in so many hourly runs; after 1, 2, 4 ... hours, it would be about seven."""


def _stage() -> tuple[Stage, str]:
    stage = stage_of(*every(timedelta(minutes=1), 30, 3 * HOUR))
    return stage, stage.simulated.visible(NOON)[3].file_name(Rendition.ORIGINAL)


async def _attempts(stage: Stage, victim: str) -> int:
    """One run, with a new image that the host serves."""
    stage.simulated.add(stage.clock.now() - timedelta(minutes=20), stage.clock.now() - timedelta(minutes=19))
    await stage.checked_run()
    stage.clock.advance(HOUR + timedelta(minutes=1))
    return int(any(victim in url for url in stage.images.asked))


async def test_two_kinds_of_failures() -> None:
    stage, victim = _stage()
    attempts = 0
    for number in range(HOURLY):
        stage.images.broken[victim] = ImageGone("404") if number % 2 else SourceUnavailable("500")
        attempts += await _attempts(stage, victim)
    assert attempts < ENOUGH


@pytest.mark.long
async def test_two_names_of_one_host() -> None:
    stage, victim = _stage()
    stage.images.broken[victim] = ImageGone("404")
    attempts = 0
    for number in range(HOURLY):

        def spoil(document: dict[str, Any], name: str = f"cdn{number % 2}.test") -> None:
            for output in document["outputs"]:
                output["image_url"] = output["image_url"].replace("simulated.test", name)

        stage.spoil = spoil
        attempts += await _attempts(stage, victim)
    assert attempts < ENOUGH
