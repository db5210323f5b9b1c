"""Several days at a time are verified. What fails for one of them undoes nothing of the others, and hides nothing."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import Call, MemoryImages
from stablecog_provider.archive import verifying
from stablecog_provider.archive.status import status
from stablecog_provider.errors import StoreUnavailable
from stablecog_provider.model.object_keys import DIGEST_DIGITS
from stablecog_provider.model.row_fixity import verified_since
from stablecog_provider.model.row_lifecycle import Copy, stored
from support.archived import archived, images, put
from support.injured import change, edit, found, key_of, rows_of
from support.scene import LAYOUT, Scene, no_sleep, small_jpeg
from support.worlds import checkpoint

DAY = 2
"""Which day cannot be written."""


async def verified(failures: int, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Return a scene after a verify that commits each day at once, and cannot write one of them so many times."""
    monkeypatch.setattr(verifying, "COMMIT_ROWS", 1)
    scene = await archived(sleep=no_sleep)
    scene.clock.advance(timedelta(seconds=1))
    call, left = Call("put", LAYOUT.partition(sorted(checkpoint(scene).partitions)[DAY])), failures

    def fail(each: Call) -> None:
        nonlocal left
        if each == call and left:
            left -= 1
            raise StoreUnavailable("503 SlowDown")

    scene.store.before = fail
    with pytest.raises(StoreUnavailable, match="503 SlowDown"):
        await scene.verify()
    scene.store.before = None
    return scene


async def test_what_a_commit_could_not_save_is_saved_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = await verified(3, monkeypatch)
    report = (await status(scene.store, LAYOUT, scene.clock.now())).runs[0]
    checked = re.search(r"Until then, (\d+) images were checked", " ".join(report.explanation))
    assert checked
    assert sum(1 for row in await rows_of(scene) if verified_since(row)) == int(checked[1])
    assert checkpoint(scene).intents == ()


@pytest.mark.parametrize("failures", [3, 1000])
async def test_what_a_commit_that_failed_has_written_is_not_taken_for_the_work_of_something_else(
    failures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await verified(failures, monkeypatch)
    known = {day: each.version for day, each in checkpoint(scene).partitions.items()}
    intended = {day for each in checkpoint(scene).intents for day in each.days}
    held = {day: scene.store.objects[LAYOUT.partition(day)].version for day in known}
    assert {day for day in known if known[day] != held[day]} <= intended
    assert checkpoint(scene).unchecked == {}
    scene.clock.advance(timedelta(seconds=1))
    report = await scene.run()
    assert report.proven
    assert report.notes == ()


async def test_what_the_source_has_instead_of_an_earlier_image_is_not_stored_beside_the_current_one() -> None:
    """Both images of the row are repaired at the same time, and only for the current one may another image be stored."""
    scene = await archived(sleep=no_sleep)
    row = (await rows_of(scene))[0]
    sha256, url = hashlib.sha256(small_jpeg("earlier")).hexdigest(), "https://b.stablecog.com/earlier-image.jpeg"
    key = key_of(row).replace((row.sha256 or "")[:DIGEST_DIGITS], sha256[:DIGEST_DIGITS])
    put(scene, key, b"damaged")
    at = (row.archived_at or row.first_seen_at) - timedelta(days=1)
    edit(scene, row, earlier_images=stored(row, Copy(at, sha256, LAYOUT.uri(key), "image/jpeg", 9, url)).earlier_images)
    change(scene, row)
    scene.images = MemoryImages({url: small_jpeg("another")})  # type: ignore[assignment]
    before = {*images(scene)}
    report = await scene.verify(repair=True)
    assert found(report) == {key_of(row): ("changed", False), key: ("truncated", False)}
    assert {*images(scene)} == before
    assert "stored beside" not in " ".join(each.detail for each in report.findings)
