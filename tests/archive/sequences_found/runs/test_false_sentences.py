"""Sentences of run and status in states where they were false."""

from __future__ import annotations

from stablecog_provider.errors import ImageRejected
from support.stage import HOUR, NOON, days_of, stage_of

from ..source.test_page_that_always_fails import poison


async def test_a_late_upscale_of_a_known_output_is_no_new_output() -> None:
    stage = stage_of(*days_of(5, 1), HOUR)
    await stage.checked_run()
    newest = max(stage.simulated.visible(NOON), key=lambda each: each.g)
    stage.simulated.upscale(newest.id, NOON + HOUR)
    stage.clock.advance(3 * HOUR)
    report = await stage.checked_run()
    assert (report.new, report.copied) == (0, 1)


async def test_no_run_is_said_to_read_what_the_listing_cannot_show() -> None:
    stage = stage_of(*days_of(100, 4))
    outputs = sorted(stage.simulated.visible(NOON), key=lambda each: each.g)
    poison(stage, [outputs[150].id])
    told = " ".join([*(await stage.checked_run()).explain(), *(await stage.status()).explain()])
    assert "A run without" not in told
    assert "Not covered" not in told
    assert told.count("The source's listing cannot show all outputs completed from") == 2


async def test_an_ordinary_gap_beside_a_hole_is_still_named() -> None:
    stage = stage_of(*days_of(100, 4))
    outputs = sorted(stage.simulated.visible(NOON), key=lambda each: each.g)
    poison(stage, [outputs[350].id])
    report = await stage.checked_run(start=outputs[250].g)
    told = [*report.explain(), *(await stage.status()).explain()]
    assert "1 later period is covered too." in told
    assert sum("A run without --start and --end reads it" in line for line in told) == 1


async def test_images_that_failed_are_not_called_archived() -> None:
    """Nor are all of them in state `failed`: an image that was lost, or is to be replaced, keeps its state."""
    stage = stage_of(*days_of(10, 2))
    await stage.checked_run()
    for output in stage.simulated.visible(NOON):
        stage.images.broken[f"{output.image_name}.{output.extension}"] = ImageRejected("an HTML page")
    for key in [key for key in stage.store.objects if "/images/" in key]:
        del stage.store.objects[key]
    await stage.rebuild(check_images=True)
    stage.clock.advance(HOUR)
    report = await stage.checked_run()
    told = " ".join([*report.explain(), *(await stage.status()).explain()])
    assert report.failed == 20
    assert "(the watermark) is archived" not in told
    assert "state 'failed'" not in told
    errors = [row.error for row in (await stage.rows()).values()]
    assert all(errors), "the sentence names the column"
