"""The source names an earlier image again that its host no longer has. Its bytes are in the bucket."""

from __future__ import annotations

import pytest

from stablecog_provider.errors import ImageGone, ImageRejected, SourceUnavailable
from stablecog_provider.model.object_keys import Rendition
from support.scene import LAYOUT
from support.stage import NOON, Stage, days_of, stage_of


async def _named_again(error: Exception) -> tuple[Stage, str]:
    """An archive of an output whose first image was replaced, and is named again. Returns the key of that image, too."""
    stage = stage_of(*days_of(5, 2))
    output = stage.simulated.visible(NOON)[2]
    first = output.image_name
    await stage.run()
    (stored,) = [key for key in stage.store.objects if key.startswith(LAYOUT.images) and output.id in key]
    output.image_name = first[::-1]
    stage.simulated._know([output])
    await stage.ordinary_runs(1)
    output.image_name = first
    stage.images.broken[output.file_name(Rendition.ORIGINAL)] = error
    return stage, stored


@pytest.mark.parametrize("error", [ImageGone("404"), ImageRejected("403"), SourceUnavailable("503")])
async def test_it_is_not_lost_while_the_bucket_has_it(error: Exception) -> None:
    stage, _ = await _named_again(error)
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"
    await stage.assert_nothing_lost()
    assert (await stage.verify()).outcome == "intact"


async def test_it_is_lost_once_the_bucket_has_other_bytes_and_found_once_it_is_restored() -> None:
    stage, key = await _named_again(ImageGone("404"))
    held = stage.store.objects[key]
    await stage.store.put(key, held.body[:-1] + b"?", content_type="image/jpeg")
    assert (await stage.ordinary_runs(3))[-1].outcome == "proven, with failed images"
    assert (await stage.status()).images.lost == 1
    stage.store.objects[key] = held
    assert (await stage.ordinary_runs(30))[-1].outcome == "proven"
    await stage.assert_nothing_lost()
