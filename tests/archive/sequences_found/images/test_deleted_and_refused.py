"""A host that refuses the image of an output which was deleted before its image was stored, as S3 does with 403."""

from __future__ import annotations

from stablecog_provider.errors import ImageDenied, ImageRejected
from stablecog_provider.model.object_keys import Rendition
from support.stage import DAY, HOUR, NOON, Stage, days_of, stage_of


async def _refused(*, deleted: bool) -> tuple[Stage, str]:
    stage = stage_of(*days_of(20, 5))
    output = stage.simulated.visible(NOON)[0]
    stage.images.broken[output.file_name(Rendition.ORIGINAL)] = ImageDenied("403 Forbidden")
    await stage.checked_run()
    if deleted:
        stage.simulated.delete(output.id, stage.clock.now())
    return stage, output.id


async def test_it_is_gone_after_six_answers_and_comes_back_if_the_host_has_it() -> None:
    stage, output_id = await _refused(deleted=True)
    reports = await stage.ordinary_runs(20, every=2 * HOUR)
    assert reports[3].outcome == "proven, with failed images"
    reports = await stage.ordinary_runs(20)
    assert (reports[-1].outcome, reports[-1].images.settled) == ("proven", 1)
    assert (await stage.rows())[output_id, "original"].state == "gone"
    stage.images.broken.clear()
    await stage.ordinary_runs(8, every=30 * DAY)
    assert (await stage.rows())[output_id, "original"].state == "archived"


async def test_an_output_that_is_listed_stays_failed() -> None:
    stage, output_id = await _refused(deleted=False)
    reports = await stage.ordinary_runs(40)
    assert reports[-1].outcome == "proven, with failed images"
    assert (await stage.rows())[output_id, "original"].state == "failed"


async def test_one_that_the_host_serves_and_the_archive_rejects_stays_failed() -> None:
    stage = stage_of(*days_of(20, 5))
    output = stage.simulated.visible(NOON)[0]
    stage.images.broken[output.file_name(Rendition.ORIGINAL)] = ImageRejected("too large")
    await stage.checked_run()
    stage.simulated.delete(output.id, stage.clock.now())
    reports = await stage.ordinary_runs(40)
    assert reports[-1].outcome == "proven, with failed images"
    assert (await stage.rows())[output.id, "original"].state == "failed"
