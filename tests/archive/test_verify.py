"""Verify names every injury by its kind and nothing else, notes what is intact, and changes nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stablecog_provider.archive.reports.verify import VerifyReport
from stablecog_provider.errors import ConfigurationError
from stablecog_provider.model.row_fixity import verified_since
from support.archived import archived, images, rebuilt
from support.injured import change, cut, edit, found, garble_partition, key_of, lose, orphan, rows_of, swap
from support.scene import LAYOUT, Scene
from support.worlds import a_world, checkpoint


@pytest.mark.parametrize("level", ["listing", "checksum", "content"])
async def test_an_intact_archive_is_intact_at_every_level(level: str) -> None:
    scene = await archived()
    before = images(scene)
    report = await scene.verify(level=level)
    assert (report.outcome, report.exit_code, report.findings) == ("intact", 0, ()), report.explain()
    assert report.checked == len(before)
    assert report.bytes == (sum(map(len, before.values())) if level == "content" else 0)
    assert images(scene) == before
    assert (await scene.run()).outcome == "proven"


async def test_what_was_read_is_noted_in_rows_and_checkpoint_and_survives_a_rebuild() -> None:
    scene = await archived()
    await scene.verify(level="checksum")
    assert not any(map(verified_since, await rows_of(scene)))
    scene.clock.advance(timedelta(hours=1))
    report = await scene.verify()
    rows = await rows_of(scene)
    assert {verified_since(row) for row in rows} == {scene.clock.now()}
    coverage = report.coverage
    assert (coverage.images, coverage.never, coverage.oldest) == (len(rows), 0, scene.clock.now())
    assert set(coverage.within_days.values()) == {len(rows)}
    noted = checkpoint(scene).verification(scene.clock.now())
    await rebuilt(scene)
    assert checkpoint(scene).verification(scene.clock.now()) == noted == coverage


async def test_each_injury_is_named_by_its_kind() -> None:
    scene = await archived()
    rows = await rows_of(scene)
    lost, shorter, changed, swapped, other, near, hashed, sized, nameless = rows[:9]
    lose(scene, lost)
    cut(scene, shorter)
    change(scene, changed)
    swap(scene, swapped, other)
    stray = orphan(scene, near)
    edit(scene, hashed, sha256="0" * 64)
    edit(scene, sized, bytes=(sized.bytes or 0) + 1)
    edit(scene, nameless, uri=None)
    report = await scene.verify()
    assert found(report) == {
        key_of(lost): ("missing", False),
        key_of(shorter): ("truncated", False),
        key_of(changed): ("changed", False),
        key_of(swapped): ("swapped", False),
        stray: ("orphan", False),
        key_of(hashed): ("changed", False),
        key_of(sized): ("changed", False),
        key_of(nameless): ("row_without_object_name", False),
    }
    assert (report.outcome, report.exit_code) == ("damaged", 3)
    assert report.checked == len(rows)
    assert report.coverage.never >= 7


async def test_an_unreadable_partition_is_named_and_its_images_are_no_orphans() -> None:
    scene = await archived()
    row = (await rows_of(scene))[0]
    key = garble_partition(scene, row)
    report = await scene.verify()
    assert found(report) == {key: ("unreadable_partition", False)}
    assert "rebuild --set-aside-damaged" in " ".join(report.explain())


async def test_a_missing_partition_is_named_by_every_level() -> None:
    scene = await archived()
    row = (await rows_of(scene))[0]
    key = LAYOUT.partition(row.created_at.date())
    del scene.store.objects[key]
    for level in ("listing", "checksum", "content"):
        assert found(await scene.verify(level=level)) == {key: ("unreadable_partition", False)}


async def test_levels_find_what_they_can() -> None:
    scene = await archived()
    rows = await rows_of(scene)
    lose(scene, rows[0])
    cut(scene, rows[1])
    change(scene, rows[2])
    edit(scene, rows[3], sha256="0" * 64)
    listing, checksum = await scene.verify(level="listing"), await scene.verify(level="checksum")
    assert found(listing) == {key_of(rows[0]): ("missing", False), key_of(rows[1]): ("truncated", False)}
    # The store keeps no SHA-256 of what another program wrote.
    assert found(checksum) == found(listing) | {key_of(rows[3]): ("changed", False)}
    assert checksum.without_checksum == 2
    assert "keeps no SHA-256 of 2 images" in " ".join(checksum.explain())


async def test_without_checksums_the_level_says_so() -> None:
    scene = await archived()
    scene.store.keeps_checksums = False
    report = await scene.verify(level="checksum")
    assert report.without_checksum == report.checked > 0
    assert "Only --level content can check them" in " ".join(report.explain())


async def test_foreign_objects_are_ignored() -> None:
    scene = await archived()
    for name in ("images/readme.txt", "images/dt=2026-11-20/thumb.jpg", "images/dt=2026-99-99/x", "notes.md"):
        scene.store.objects[LAYOUT.key(name)] = next(iter(scene.store.objects.values()))
    assert (await scene.verify()).outcome == "intact"


async def test_an_object_of_a_day_without_a_partition_is_an_orphan() -> None:
    scene = await archived()
    row = (await rows_of(scene))[0]
    stray = key_of(row).replace(f"dt={row.created_at:%Y-%m-%d}", "dt=2020-02-02")
    scene.store.objects[stray] = scene.store.objects[key_of(row)]
    assert found(await scene.verify(level="listing")) == {stray: ("orphan", False)}
    assert (await scene.verify(budget="5")).outcome == "intact"


async def test_a_slice_takes_the_least_recently_verified_first_and_goes_round() -> None:
    scene = await archived()
    rows = await rows_of(scene)
    reports: list[VerifyReport] = []
    while not reports or reports[-1].coverage.never:
        scene.clock.advance(timedelta(days=1, hours=1))
        reports.append(await scene.verify(budget="70"))
        assert reports[-1].checked == 70
        assert reports[-1].coverage.within_days["1"] == 70
        assert len(reports) <= 99
    assert len(reports) == -(-len(rows) // 70)
    first = reports[0]
    assert (first.slices_left, first.slices_per_round) == (len(reports) - 1, len(reports))
    for _ in reports:
        oldest = min(at for row in await rows_of(scene) if (at := verified_since(row)))
        scene.clock.advance(timedelta(days=1, hours=1))
        report = await scene.verify(budget="70")
        assert report.coverage.never == 0
        assert report.coverage.oldest is not None
        assert report.coverage.oldest >= oldest
    ages = {scene.clock.now() - at for row in await rows_of(scene) if (at := verified_since(row))}
    assert max(ages) <= timedelta(days=1, hours=1) * len(reports)


@pytest.mark.parametrize(("budget", "checked"), [("1kB", 1), ("10", 10), ("1d", None)])
async def test_budgets(budget: str, checked: int | None) -> None:
    scene = await archived()
    rows = await rows_of(scene)
    report = await scene.verify(budget=budget)
    assert report.spent is (checked is not None)
    assert report.checked <= len(rows)
    if budget == "1kB":
        assert report.bytes <= 1000 or report.checked == 1
    else:
        assert report.checked == (checked or len(rows))


async def test_there_must_be_an_archive() -> None:
    with pytest.raises(ConfigurationError, match="no archive at"):
        await Scene(a_world(5)).verify()


@pytest.mark.parametrize(
    "settings",
    [
        {"level": "deep"},
        {"budget": "a lot"},
        {"budget": "0"},
        {"concurrency": 0},
        {"concurrency": True},
        {"repair": "no"},
    ],
)
async def test_settings_are_checked(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        await Scene(a_world(5)).verify(**settings)
