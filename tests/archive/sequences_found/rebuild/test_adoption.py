"""Images that are in the bucket, though no row names them, or not as what they are."""

from __future__ import annotations

from contextlib import suppress

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import ArchiveDamaged, ConfigurationError, ImageGone, ImageRejected, SourceUnavailable
from stablecog_provider.model.object_keys import Rendition
from support.killed import Killed
from support.scene import LAYOUT, small_jpeg
from support.stage import DAY, HOUR, NOON, Stage, days_of, stage_of

NEW = small_jpeg("another image")


async def _lost_partition(stage: Stage, day: object) -> None:
    del stage.store.objects[LAYOUT.partition(day)]  # type: ignore[arg-type]
    with pytest.raises(ArchiveDamaged, match="rebuild"):
        await stage.run()
    await stage.rebuild()


async def test_the_image_before_a_replacement_is_not_adopted_as_the_replacement() -> None:
    """Replaced at the source, the new image 404s; then the day's partition is lost."""
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    output = stage.simulated.visible(NOON)[-3]
    output.image_name = output.image_name[::-1]
    stage.images.broken[output.file_name(Rendition.ORIGINAL)] = ImageGone("404")
    before = (await stage.ordinary_runs(1))[-1]
    assert before.outcome != "proven"
    await _lost_partition(stage, output.g.date())
    report = (await stage.ordinary_runs(1))[-1]
    row = (await stage.rows())[output.id, "original"]
    if row.state == "archived":
        stage.assert_stored(row)
    assert report.outcome != "proven", "the image that the source names was never stored"


@pytest.mark.parametrize("why", ["403", "down"])
async def test_an_image_whose_host_fails_otherwise_is_adopted(why: str) -> None:
    """The host has dropped the image and says so by 403 (as S3 does), or it does not exist any more."""
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    output = stage.simulated.visible(NOON)[-3]
    name = output.file_name(Rendition.ORIGINAL)
    stage.images.broken[name] = (
        ImageRejected("the image host answered 403 (Forbidden)")
        if why == "403"
        else (SourceUnavailable("cannot be reached"))
    )
    before = (await stage.rows())[output.id, "original"]
    assert stage.key_of(before.uri) in stage.store.objects
    await _lost_partition(stage, output.g.date())
    await stage.ordinary_runs(3)
    row = (await stage.rows())[output.id, "original"]
    assert stage.key_of(before.uri) in stage.store.objects
    assert (row.state, row.uri) == ("archived", before.uri), row.error


async def test_a_replacement_that_was_stored_is_adopted() -> None:
    """A kill between the replacement's object and its row; then the host answers 404 for it."""
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    output = stage.simulated.visible(NOON)[-3]
    output.image_name = output.image_name[::-1]
    stage.images.bodies[output.file_name(Rendition.ORIGINAL)] = NEW
    stage.clock.advance(HOUR)

    def die(call: Call) -> None:
        if call.operation == "put" and call.key.startswith(LAYOUT.manifest):
            raise Killed

    stage.store.before = die
    with suppress(Killed):
        await stage.run()
    stage.store.before = None
    keys = [key for key in stage.store.objects if f"/{output.id}.original." in key]
    assert len(keys) == 2
    stage.images.broken[output.file_name(Rendition.ORIGINAL)] = ImageGone("404")
    await stage.ordinary_runs(3)
    row = (await stage.rows())[output.id, "original"]
    known = {stage.key_of(row.uri)} | {key for key in keys if row.earlier_images and key in row.earlier_images}
    assert set(keys) == known, "an image lies in the bucket, and no row names it"


async def test_an_earlier_version_restored_after_a_replacement() -> None:
    """The day's partition is restored from before the replacement; the host has dropped both by now."""
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    output = stage.simulated.visible(NOON)[-3]
    key = LAYOUT.partition(output.g.date())
    earlier = stage.store.objects[key]
    output.image_name = output.image_name[::-1]
    stage.images.bodies[output.file_name(Rendition.ORIGINAL)] = NEW
    await stage.ordinary_runs(1)
    row = (await stage.rows())[output.id, "original"]
    assert row.earlier_images
    assert row.state == "archived"
    new_key = stage.key_of(row.uri)
    stage.store.objects[key] = earlier
    stage.images.broken[output.file_name(Rendition.ORIGINAL)] = ImageGone("404")
    await stage.ordinary_runs(3)
    row = (await stage.rows())[output.id, "original"]
    assert new_key in stage.store.objects
    assert stage.key_of(row.uri) == new_key, "an image lies in the bucket, and no row names it"


async def test_images_in_glacier_and_a_lost_partition() -> None:
    """A lifecycle rule moves images/ to Glacier, as the hint permits. A partition is lost, and some hosts' images are gone."""
    stage = stage_of(*days_of(20, 3))
    await stage.checked_run()
    day = stage.simulated.visible(NOON)[-3].g.date()
    victims = [each for each in stage.simulated.visible(NOON) if each.g.date() == day][:3]
    for output in victims:
        stage.images.broken[output.file_name(Rendition.ORIGINAL)] = ImageGone("404")
    frozen = {key for key in stage.store.objects if key.startswith(LAYOUT.images)}

    def glacier(call: Call) -> None:
        if call.operation == "get" and call.key in frozen:
            raise ConfigurationError(
                f"s3://{call.key}: 403 InvalidObjectState", hint="the object is in an archive storage class: restore it"
            )

    stage.store.before = glacier
    await _lost_partition(stage, day)
    stage.simulated.add(stage.clock.now() + HOUR)
    stage.clock.advance(DAY)
    (report,) = await stage.ordinary_runs(1)
    assert report.outcome == "proven, with failed images"
    frozen.clear()
    await stage.ordinary_runs(3)
    rows = await stage.rows()
    assert {rows[each.id, "original"].state for each in victims} == {"archived"}
