"""Verify beside runs, on stores that fail, and after kills: no false finding, and nothing noted that was not seen."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import Call, FixedClock
from stablecog_provider.archive.status import status
from stablecog_provider.archive.verify import VerifySettings, verify
from stablecog_provider.errors import CredentialsRejected, ObjectInArchiveClass, StoreUnavailable
from stablecog_provider.model.finding import Finding
from stablecog_provider.model.object_keys import day_of
from stablecog_provider.model.row_fixity import verified_since
from support.archived import a_past_world, archived, images
from support.injured import change, found, key_of, lose, orphan, rows_of
from support.killed import Killed
from support.scene import LAYOUT, Scene, no_sleep
from support.worlds import checkpoint

MOMENT = timedelta(seconds=1)


async def test_an_object_that_cannot_be_read_now_is_no_finding_and_is_not_noted() -> None:
    scene = await archived(sleep=no_sleep)
    scene.clock.advance(MOMENT)
    row = (await rows_of(scene))[3]

    def broken(call: Call) -> None:
        if call.operation == "open" and call.key == key_of(row):
            raise StoreUnavailable("503 SlowDown")

    scene.store.before = broken
    report = await scene.verify(repair=True)
    assert (report.findings, report.unread, report.exit_code) == ((), 1, 3)
    assert "503 SlowDown" in " ".join(report.explain())
    scene.store.before = None
    unverified = [each.key for each in await rows_of(scene) if not verified_since(each)]
    assert unverified == [row.key]
    report = await scene.verify(budget="1")
    assert (report.checked, report.coverage.never) == (1, 0)


async def test_a_store_that_is_down_ends_it_and_keeps_what_was_verified() -> None:
    scene = await archived(sleep=no_sleep)
    scene.clock.advance(MOMENT)
    reads = 0

    def down(call: Call) -> None:
        nonlocal reads
        reads += call.operation == "open"
        if call.operation == "open" and reads > 150:
            raise StoreUnavailable("connection refused")

    scene.store.before = down
    with pytest.raises(StoreUnavailable, match="connection refused"):
        await scene.verify()
    scene.store.before = None
    verified = sum(1 for row in await rows_of(scene) if verified_since(row))
    assert 50 <= verified <= 150
    assert checkpoint(scene).verification(scene.clock.now()).within_days["1"] == verified


async def test_a_verify_that_fails_leaves_a_report_with_what_it_had_found() -> None:
    scene = await archived(sleep=no_sleep)
    scene.clock.advance(MOMENT)
    row = (await rows_of(scene))[0]
    lose(scene, row)
    reads = 0

    def down(call: Call) -> None:
        nonlocal reads
        reads += call.operation == "open"
        if call.operation == "open" and reads > 150:
            raise StoreUnavailable("connection refused")

    scene.store.before = down
    with pytest.raises(StoreUnavailable):
        await scene.verify()
    scene.store.before = None
    told = await status(scene.store, LAYOUT, scene.clock.now())
    assert (told.runs[0].kind, told.runs[0].outcome) == ("verify", "failed")
    words = " ".join(told.runs[0].explanation)
    assert "connection refused" in words
    assert f"missing: {key_of(row)}" in words
    assert re.search(r"Until then, \d+ images were checked", words)


async def test_a_verify_that_was_killed_is_named_by_the_next_one() -> None:
    scene = await archived(sleep=no_sleep)
    scene.clock.advance(MOMENT)

    def killed(call: Call) -> None:
        if call.operation == "open":
            raise Killed

    scene.store.before = killed
    with pytest.raises(Killed):
        await scene.verify()
    scene.store.before = None
    assert (await status(scene.store, LAYOUT, scene.clock.now())).runs[0].outcome == "running"
    scene.clock.advance(MOMENT)
    assert "Did not end: verify" in " ".join((await scene.verify()).explain())


@pytest.mark.parametrize("refused", ["image", "partition"])
async def test_one_object_that_the_store_refuses_does_not_end_every_verify(refused: str) -> None:
    scene = await archived()
    row = (await rows_of(scene))[7]
    key = key_of(row) if refused == "image" else LAYOUT.partition(day_of(row.created_at))

    def refuse(call: Call) -> None:
        if call.operation in ("open", "get") and call.key == key:
            raise CredentialsRejected("403 AccessDenied", hint="allow kms:Decrypt")

    scene.store.before = refuse
    report = await scene.verify()
    assert (report.outcome, report.unread, report.exit_code) == ("intact", 1, 3)
    assert report.checked > 200
    assert "allow kms:Decrypt" in " ".join(report.explain())


async def test_marks_of_a_clock_that_was_ahead_keep_nothing_from_being_verified() -> None:
    scene = await archived()
    now = scene.clock.now()
    scene.our_clock = FixedClock(now + timedelta(days=400))
    await scene.verify()
    scene.our_clock = FixedClock(now)
    assert checkpoint(scene).verification(now).within_days["90"] == 0, "nobody knows when"
    row = (await rows_of(scene))[-1]
    lose(scene, row)
    found = list[Finding]()
    for _ in range(5):
        scene.our_clock.advance(timedelta(days=1))
        found += (await scene.verify(budget="100")).findings
    assert {finding.key for finding in found} == {key_of(row)}
    assert checkpoint(scene).verification(scene.our_clock.now()).never == 1


async def test_images_in_an_archive_storage_class_are_unread() -> None:
    scene = await archived()
    row = (await rows_of(scene))[0]

    def frozen(call: Call) -> None:
        if call.operation == "open" and call.key == key_of(row):
            raise ObjectInArchiveClass("InvalidObjectState", hint="restore it")

    scene.store.before = frozen
    report = await scene.verify()
    assert (report.findings, report.unread) == ((), 1)


async def test_one_404_for_an_object_that_is_there_is_no_finding() -> None:
    scene = await archived()
    row = (await rows_of(scene))[0]
    kept = scene.store.objects[key_of(row)]

    def flicker(call: Call) -> None:
        if call.operation == "open" and call.key == key_of(row):
            scene.store.objects.pop(key_of(row), None)
            scene.store.before = None
            scene.store.after = back

    def back(call: Call) -> None:
        scene.store.objects[key_of(row)] = kept

    scene.store.before = flicker
    assert (await scene.verify()).outcome == "intact"


async def test_images_of_a_run_at_work_are_no_orphans() -> None:
    scene = Scene(a_past_world(), sleep=no_sleep)
    running = asyncio.create_task(scene.run())
    while not images(scene):  # noqa: ASYNC110 the run has no event for it
        await asyncio.sleep(0)
    unnamed = len(images(scene)) - len(await scene.rows())
    assert unnamed > 0

    async def until_the_run_commits(seconds: float) -> None:
        if seconds > 1:
            await running

    scene.sleep = until_the_run_commits
    _date_the_objects(scene)
    report = await scene.verify(level="listing")
    assert report.findings == ()
    assert (await running).outcome == "proven"


def _date_the_objects(scene: Scene) -> None:
    """Let the listing say that everything was just written."""
    listed = scene.store.list

    async def dated(prefix: str):  # type: ignore[no-untyped-def]
        async for item in listed(prefix):
            yield type(item)(item.key, item.size, item.version, scene.clock.now())

    scene.store.list = dated  # type: ignore[method-assign]


async def test_a_young_orphan_is_named_after_one_wait() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    scene = await archived(sleep=sleep)
    _date_the_objects(scene)
    stray = orphan(scene, (await rows_of(scene))[0])
    waits.clear()
    stages: list[str] = []
    settings = VerifySettings(layout=LAYOUT, level="listing")
    report = await verify(scene.bucket_ports(), settings, lambda progress: stages.append(progress.stage))
    assert found(report) == {stray: ("orphan", False)}
    waited = [stage for stage in stages if "rows of new objects" in stage]
    assert 80 < sum(waits) <= 90
    assert len(waits) == len(waited) == 6


async def test_a_run_beside_a_verify_loses_nothing_of_either() -> None:
    scene = await archived()
    before = {row.key for row in await rows_of(scene)}
    made = scene.clock.now() - timedelta(minutes=30)
    for number in range(30):
        scene.simulated.add(made, made + timedelta(seconds=number))
    scene.clock.advance(timedelta(hours=1))
    report, run = await asyncio.gather(scene.verify(), scene.run())
    assert (report.outcome, run.outcome) == ("intact", "proven")
    rows = await rows_of(scene)
    assert len(rows) == len(before) + 30
    assert all(verified_since(row) for row in rows if row.key in before)
    assert (await status(scene.store, LAYOUT, scene.our_clock.now())).outcome == "proven"
    assert (await scene.verify()).outcome == "intact"
    assert (await scene.run()).changed == ()


async def test_two_verifies_at_once() -> None:
    scene = await archived()
    rows = await rows_of(scene)
    lose(scene, rows[0])
    change(scene, rows[1])
    scene.clock.advance(MOMENT)
    reports = await asyncio.gather(scene.verify(repair=True), scene.verify(repair=True))
    assert {report.outcome for report in reports} <= {"repaired", "intact"}
    assert (await scene.verify()).outcome == "intact"
    assert all(verified_since(row) for row in await rows_of(scene))


@pytest.mark.parametrize("at", [5, 200, 331, 338])
async def test_killed_and_repeated_it_ends_as_if_undisturbed(at: int) -> None:
    scene = await archived()
    rows = await rows_of(scene)
    lose(scene, rows[0])
    change(scene, rows[1])
    scene.clock.advance(MOMENT)
    left = at

    def kill(call: Call) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Killed

    scene.store.after = kill
    with suppress(Killed, BaseExceptionGroup):
        await scene.verify(repair=True)
    scene.store.after = None
    report = await scene.verify(repair=True)
    assert report.unrepaired == 0
    assert (await scene.verify()).outcome == "intact"
    assert len(images(scene)) == len(rows)
    assert all(verified_since(row) for row in await rows_of(scene))
    assert (await scene.run()).outcome == "proven"


async def test_a_verify_is_not_the_last_run() -> None:
    scene = await archived()
    run_id = checkpoint(scene).run_id
    report = await scene.verify()
    assert checkpoint(scene).run_id == run_id
    assert any(report.run_id in key for key in scene.store.objects if key.startswith(LAYOUT.runs))
