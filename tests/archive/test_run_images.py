"""What becomes of images and outputs that cannot be had, cannot be read, are gone, come back, or change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from stablecog_provider.adapters.memory import FixedClock
from stablecog_provider.errors import ImageGone, ImageRejected
from stablecog_provider.model.object_keys import Rendition
from support.scene import ADDRESS, LAYOUT, Scene
from support.worlds import DAY, a_world


async def test_failed_images_become_rows_and_are_tried_again_when_due() -> None:
    scene = Scene(a_world(future=0))
    victims = scene.simulated.visible()[:3]
    for output in victims:
        scene.images.broken[output.file_name(Rendition.ORIGINAL)] = ImageRejected("an HTML page in place of an image")
    report = await scene.run()
    assert (report.failed, report.outcome, report.exit_code) == (3, "proven, with failed images", 3)
    assert {failure.output_id for failure in report.failures} == {output.id for output in victims}
    assert "HTML page" in "\n".join(report.explain())
    row = (await scene.rows())[victims[0].id, "original"]
    assert (row.state, row.attempts, row.uri) == ("failed", 1, None)
    assert report.coverage.watermark == scene.clock.now() - timedelta(seconds=30), "a failed image holds nothing back"

    scene.images.broken.clear()
    assert (await scene.run()).copied == 0, "not due yet"
    scene.clock.advance(timedelta(hours=2))
    report = await scene.run()
    assert report.outcome == "proven"
    assert {output.file_name(Rendition.ORIGINAL) for output in victims} <= {
        url.rpartition("/")[2] for url in scene.images.asked
    }
    row = (await scene.rows())[victims[0].id, "original"]
    assert (row.state, row.attempts, row.error) == ("archived", 2, None)


@pytest.mark.long
async def test_an_image_that_is_gone_is_asked_for_ever_more_rarely_and_never_given_up() -> None:
    scene = Scene(a_world(outputs=60, future=0))
    victim = scene.simulated.visible()[5]
    scene.simulated.delete(victim.id, victim.o + timedelta(seconds=1), image_too=True)
    gone = scene.simulated.visible()[7]
    name = gone.file_name(Rendition.ORIGINAL)
    scene.images.broken[name] = ImageGone("404")
    report = await scene.run()
    assert (report.gone, report.outcome) == (1, "proven, with failed images"), "one 404 may be a slip of the host"
    asked = []
    for day in range(60):
        scene.clock.advance(timedelta(days=1))
        report = await scene.run()
        asked += [day] if any(name in url for url in scene.images.asked) else []
    assert len(asked) <= 12
    assert asked[-1] - asked[-2] > 1.5 * (asked[-2] - asked[-3]) > 2.25 * (asked[-3] - asked[-4]), asked
    assert (report.outcome, report.images.gone, report.images.settled) == ("proven", 1, 1)
    assert any("1 image is gone at the source" in line for line in report.explain())
    del scene.images.broken[name]
    report = await scene.run(retry_failed=True)
    assert (report.outcome, report.images.gone, report.copied) == ("proven", 0, 1)


async def test_an_image_that_comes_back_is_archived() -> None:
    scene = Scene(a_world(outputs=60, future=0))
    name = scene.simulated.visible()[7].file_name(Rendition.ORIGINAL)
    scene.images.broken[name] = ImageGone("404")
    await scene.run()
    scene.images.broken.clear()
    scene.clock.advance(timedelta(hours=2))
    assert (await scene.run()).outcome == "proven"
    assert not [row for row in (await scene.rows()).values() if row.state != "archived"]


def the_newest(document: dict[str, Any], newest: str) -> Any:
    return next((output for output in document["outputs"] if output["id"] == newest), None)


async def test_an_unreadable_output_is_a_failed_row_and_read_again_until_it_can_be() -> None:
    scene = Scene(a_world(outputs=100, future=0))
    victim = scene.simulated.visible()[50].id

    def spoil(document: dict[str, Any]) -> None:
        if output := the_newest(document, victim):
            del output["image_url"]

    scene.spoil = spoil
    report = await scene.run()
    assert (report.failed, report.outcome) == (1, "proven, with failed images")
    row = (await scene.rows())[victim, "original"]
    assert row.state == "failed"
    assert "image_url" in (row.error or "")
    assert (await scene.run()).outcome == "proven, with failed images", "the alarm goes on"
    scene.clock.advance(DAY * 3)
    assert (await scene.run()).failed == 1
    assert (await scene.rows())[victim, "original"].attempts == 2
    scene.spoil = None
    scene.clock.advance(DAY * 3)
    assert (await scene.run()).outcome == "proven"
    assert (await scene.rows())[victim, "original"].state == "archived"


async def test_an_unreadable_newest_output_does_not_change_the_walk() -> None:
    scene = Scene(a_world(outputs=100, future=0))
    victim = scene.simulated.visible()[-1].id

    def spoil(document: dict[str, Any]) -> None:
        if output := the_newest(document, victim):
            output["generation"]["id"] = None

    scene.spoil = spoil
    assert (await scene.run()).walk == "ascending"


@pytest.mark.parametrize("place", ["created_at", "generation.created_at"])
async def test_an_output_without_its_time_stops_nothing(place: str) -> None:
    scene = Scene(a_world(outputs=100, future=0))
    victim = scene.simulated.visible()[50].id

    def spoil(document: dict[str, Any]) -> None:
        if output := the_newest(document, victim):
            (output["generation"] if "." in place else output)["created_at"] = "garbled"

    scene.spoil = spoil
    report = await scene.run()
    assert len(await scene.rows()) == report.read > 90
    scene.spoil = None
    scene.clock.advance(timedelta(hours=3))
    report = await scene.run(lookback=DAY * 60)
    assert report.outcome == "proven", report.explain()
    live = [row for row in (await scene.rows()).values() if row.output_id == victim and row.deleted_at is None]
    assert [row.state for row in live] == ["archived"]


async def test_another_image_of_an_archived_output_is_archived_and_a_failure_keeps_the_first() -> None:
    scene = Scene(a_world(outputs=60, future=0))
    await scene.run()
    victim, other = scene.simulated.visible()[-5], scene.simulated.visible()[-6]
    first = (await scene.rows())[victim.id, "original"]

    def spoil(document: dict[str, Any]) -> None:
        if output := the_newest(document, victim.id):
            output["image_url"] = f"{ADDRESS}/images/{other.file_name(Rendition.ORIGINAL)}"

    scene.spoil = spoil
    scene.images.broken[other.file_name(Rendition.ORIGINAL)] = ImageRejected("truncated")
    scene.clock.advance(timedelta(hours=1))
    report = await scene.run()
    assert report.failed == 1
    assert report.outcome == "proven, with failed images"
    row = (await scene.rows())[victim.id, "original"]
    assert (row.state, row.uri, row.sha256, row.archived_url) == (
        "archived",
        first.uri,
        first.sha256,
        first.archived_url,
    )
    scene.images.broken.clear()
    # Also if no lookback reaches it any more.
    scene.clock.advance(DAY * 40)
    assert (await scene.run()).outcome == "proven"
    row = (await scene.rows())[victim.id, "original"]
    assert row.sha256 != first.sha256
    assert row.source_url == row.archived_url
    assert other.file_name(Rendition.ORIGINAL) in (row.source_url or "")
    assert first.uri
    assert first.uri in (row.earlier_images or ""), "the image that was replaced is kept, and named"
    assert {first.uri, row.uri} <= {LAYOUT.uri(key) for key in scene.store.objects}


async def test_a_run_whose_clock_was_years_ahead_freezes_nothing() -> None:
    scene = Scene(a_world(outputs=60, future=0))
    broken, liked = scene.simulated.visible()[-3], scene.simulated.visible()[-4]
    scene.images.broken[broken.file_name(Rendition.ORIGINAL)] = ImageRejected("truncated")
    scene.our_clock = FixedClock(scene.clock.now() + DAY * 365)
    await scene.run()
    scene.our_clock = scene.clock
    scene.images.broken.clear()
    scene.simulated.favourite(liked.id, scene.clock.now() + timedelta(minutes=1))
    scene.clock.advance(timedelta(hours=1))
    assert (await scene.run()).outcome == "proven"
    rows = await scene.rows()
    assert rows[broken.id, "original"].state == "archived"
    assert rows[liked.id, "original"].is_favorited is True


async def test_a_loss_in_a_hole_does_not_hide_behind_deletions() -> None:
    """700 outputs of one instant: a page shows 300 from each side. 100 old deletions make the sums agree."""
    scene = Scene(a_world(outputs=1000, future=0))
    await scene.run()
    old = scene.simulated.visible()[:100]
    instant = scene.clock.now() + timedelta(hours=1)
    for _ in range(175):
        scene.simulated.add(instant, *[instant + timedelta(seconds=5)] * 4)
    for output in old:
        scene.simulated.delete(output.id, instant)
    scene.clock.advance(timedelta(hours=3))
    report = await scene.run()
    assert report.holes
    assert report.outcome == "not proven"
    assert instant + timedelta(seconds=5) not in report.coverage


async def test_a_hole_that_hides_nothing_is_filled_by_counting() -> None:
    scene = Scene(a_world(outputs=300, future=0))
    instant = scene.clock.now() + timedelta(hours=1)
    for _ in range(100):
        scene.simulated.add(instant, *[instant + timedelta(seconds=5)] * 4)
    scene.clock.advance(timedelta(hours=3))
    report = await scene.run()
    assert (report.outcome, report.holes) == ("proven", ()), report.explain()
    assert len(report.coverage.windows) == 1


async def test_failed_images_are_tried_again_before_their_turn_when_asked_for() -> None:
    scene = Scene(a_world(outputs=30))
    output = scene.simulated.visible()[3]
    name = output.file_name(Rendition.ORIGINAL)
    scene.images.broken[name] = ImageRejected("truncated")
    assert (await scene.run()).failed == 1
    del scene.images.broken[name]
    scene.clock.advance(timedelta(minutes=1))
    assert (await scene.run()).outcome == "proven, with failed images"
    report = await scene.run(retry_failed=True)
    assert (report.copied, report.outcome) == (1, "proven")
    assert len(scene.images.asked) == 1


async def test_a_slip_of_the_host_is_never_final_however_impatient_one_is() -> None:
    scene = Scene(a_world(outputs=30, future=0))
    name = scene.simulated.visible()[3].file_name(Rendition.ORIGINAL)
    scene.images.broken[name] = ImageGone("404")
    await scene.run()
    for _ in range(5):
        scene.clock.advance(timedelta(minutes=1))
        report = await scene.run(retry_failed=True)
        assert (report.gone, report.outcome) == (1, "proven, with failed images")
        assert sum(name in url for url in scene.images.asked) == 1, "the lookback and the retry are one attempt"
    del scene.images.broken[name]
    scene.clock.advance(timedelta(minutes=1))
    assert (await scene.run(retry_failed=True)).outcome == "proven"
    assert {row.state for row in (await scene.rows()).values()} == {"archived"}


async def test_a_404_counts_only_if_the_host_serves_another_image() -> None:
    """Sequence 1: the image host answers 404 for hours."""
    scene = Scene(a_world(outputs=60, future=0))
    everything = scene.simulated.visible(scene.clock.now() + DAY)
    names = [output.file_name(rendition) for output in everything for rendition in Rendition]
    scene.images.broken = {name: ImageGone("404") for name in names}
    for _ in range(5):
        report = await scene.run()
        assert (report.gone, report.images.gone, report.outcome) == (0, 0, "proven, with failed images")
        scene.clock.advance(timedelta(hours=1))
    scene.images.broken.clear()
    scene.clock.advance(DAY)
    assert (await scene.run()).outcome == "proven"
    assert {row.state for row in (await scene.rows()).values()} == {"archived"}
