"""Several days at a time are verified. What fails for one of them undoes nothing of the others, and hides nothing."""

from __future__ import annotations

import asyncio
import hashlib
import re
from contextlib import nullcontext
from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import Call, MemoryImages, MemoryObjectStore
from stablecog_provider.archive import verifying
from stablecog_provider.archive.reports.forget import ForgetReport
from stablecog_provider.archive.status import status
from stablecog_provider.errors import StoreUnavailable
from stablecog_provider.model.object_keys import DIGEST_DIGITS, day_of
from stablecog_provider.model.row_fixity import verified_since
from stablecog_provider.model.row_lifecycle import Copy, stored
from support.archived import archived, images, put
from support.injured import change, edit, found, key_of, lose, rows_of
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


@pytest.mark.parametrize("reads_back", [True, False])
async def test_an_image_that_was_put_back_while_its_output_was_forgotten_is_left_to_the_next_forget(
    reads_back: bool,
) -> None:
    """Also if the image cannot be read back: it is there."""
    scene = await archived(sleep=no_sleep, store=MemoryObjectStore(versioned=True))
    rows = await rows_of(scene)
    row, other = rows[0], next(each for each in rows if day_of(each.created_at) != day_of(rows[0].created_at))
    lose(scene, row)
    scene.store.earlier.clear()
    erased, go_on = asyncio.Event(), asyncio.Event()
    forgets: list[asyncio.Task[ForgetReport]] = []

    async def play(call: Call) -> None:
        if call == Call("put", key_of(row)) and not forgets:
            # The forget deletes all that is there now, and ends after the verify. The other day makes it save that it has ended.
            forgets.append(asyncio.create_task(scene.forget(id=(row.output_id, other.output_id), yes=True)))
            await erased.wait()
        elif call == Call("versions", LAYOUT.runs):
            erased.set()
            await go_on.wait()
        elif call == Call("open", key_of(row)) and forgets and not reads_back:
            raise StoreUnavailable("503 SlowDown")

    scene.store.before = play
    with nullcontext() if reads_back else pytest.raises(StoreUnavailable):
        await scene.verify(repair=True)
    go_on.set()
    await forgets[0]
    scene.store.before = None
    assert key_of(row) in scene.store.objects
    await scene.forget(yes=True)
    assert key_of(row) not in scene.store.objects


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
