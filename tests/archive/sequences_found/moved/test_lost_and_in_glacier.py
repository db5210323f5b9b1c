"""A lost image whose object was restored, and is in an archive storage class, or is refused by its policy."""

from __future__ import annotations

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import CredentialsRejected, ImageGone, ObjectInArchiveClass
from support.injured import key_of, lose, rows_of
from support.stage import Stage, days_of, stage_of

REFUSALS = [
    ObjectInArchiveClass("403 InvalidObjectState", hint="restore it in S3"),
    CredentialsRejected("403 AccessDenied"),
]


async def _lost(refusal: Exception) -> Stage:
    """Two lost images of different days; the object of the first is back, and cannot be read."""
    stage = stage_of(*days_of(20, 3))
    await stage.ordinary_runs(1)
    rows = await rows_of(stage)
    first, other = rows[3], next(row for row in rows if row.created_at.date() != rows[3].created_at.date())
    held = {key_of(row): stage.store.objects[key_of(row)] for row in (first, other)}
    for row in (first, other):
        lose(stage, row)
        stage.images.broken[(row.source_url or "").rpartition("/")[2]] = ImageGone("404")
    await stage.rebuild(check_images=True)
    assert (await stage.status()).images.lost == 2
    stage.store.objects |= held

    def refuse(call: Call) -> None:
        if call.operation == "get" and call.key == key_of(first):
            raise refusal

    stage.store.before = refuse
    return stage


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_check_of_all_images_finds_the_others(refusal: Exception) -> None:
    stage = await _lost(refusal)
    report = await stage.rebuild(check_images=True)
    assert (report.images_found, len(report.lost_images)) == (1, 1)
    assert "cannot be read now: 403" in report.lost_images[0].reason
    stage.store.before = None
    assert (await stage.rebuild(check_images=True)).images_found == 1
    assert (await stage.ordinary_runs(1))[-1].outcome == "proven"
    await stage.assert_nothing_lost()


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_runs_of_a_moved_archive_go_on(refusal: Exception) -> None:
    stage = await _lost(refusal)
    stage.store.address = "elsewhere"
    reports = await stage.ordinary_runs(2)
    assert {each.outcome for each in reports} == {"proven, with failed images"}
    assert (await stage.status()).images.lost == 1
