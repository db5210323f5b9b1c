"""An output that was deleted at the source before its image could be fetched, at an address that needs its query."""

from __future__ import annotations

from typing import Any

import pytest

from stablecog_provider.errors import SourceUnavailable
from stablecog_provider.model.object_keys import Rendition
from support.stage import DAY, HOUR, NOON, Stage, days_of, stage_of

from .test_address_with_a_query import Signed


def _stage() -> tuple[Stage, Signed]:
    stage = stage_of(*days_of(20, 5))
    images = stage.images = Signed(stage.simulated)

    def sign(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            output["image_url"] += f"?signature={images.signature}"

    stage.spoil = sign
    return stage, images


@pytest.mark.parametrize("every", [2 * HOUR, DAY])
async def test_what_nobody_can_fetch_any_more_does_not_count_for_ever(every: Any) -> None:
    """The archive stores no query, so nobody has the address. No run and no command could ever store the image."""
    stage, images = _stage()
    output = stage.simulated.visible(NOON)[0]
    images.broken[output.file_name(Rendition.ORIGINAL)] = SourceUnavailable("500")
    await stage.checked_run()
    stage.simulated.delete(output.id, stage.clock.now())
    soon = await stage.ordinary_runs(2, every=every)
    assert soon[-1].outcome == "proven, with failed images"
    reports = await stage.ordinary_runs(60, every=every)
    assert (reports[-1].outcome, reports[-1].images.settled) == ("proven", 1)
    assert (await stage.rows())[output.id, "original"].state == "gone"


async def test_a_replacement_that_was_deleted_with_its_output() -> None:
    """The earlier image is stored; the new one was never served."""
    stage, images = _stage()
    output = stage.simulated.visible(NOON)[0]
    await stage.checked_run()
    output.image_name = output.image_name[::-1]
    stage.simulated._know([output])
    images.broken[output.file_name(Rendition.ORIGINAL)] = SourceUnavailable("500")
    for _ in range(8):
        await stage.ordinary_runs(1)
        if (await stage.status()).images.replaced:
            break
    stage.simulated.delete(output.id, stage.clock.now())
    reports = await stage.ordinary_runs(60)
    assert (reports[-1].outcome, reports[-1].images.settled) == ("proven", 1)
    assert (await stage.rows())[output.id, "original"].state == "archived"
