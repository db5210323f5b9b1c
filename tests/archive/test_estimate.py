"""`estimate`: what a run would copy and cost. Compared with what the run then does; it writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import Call, MemoryImage, MemoryImages
from stablecog_provider.archive.estimate import READ_AT_MOST, SAMPLE, estimate
from stablecog_provider.archive.ports import ImageBody
from stablecog_provider.archive.reports.estimate import EstimateReport, duration
from stablecog_provider.archive.run import ArchiveSettings
from stablecog_provider.errors import AnotherAccount, ConfigurationError, ImageRefused, ImageRejected, SourceUnavailable
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.simulator.dialect import DOCUMENTED
from stablecog_provider.simulator.world import World as SimulatedWorld
from support.scene import LAYOUT, Scene


def scene(outputs: int = 400, **options: object) -> Scene:
    made = Scene(SimulatedWorld.generate(outputs=outputs, days=4), **options)  # type: ignore[arg-type]
    made.clock.instant += timedelta(hours=1)
    return made


async def estimated(account: Scene, **settings: object) -> EstimateReport:
    """Estimate, and check that nothing was written."""
    before = dict(account.store.objects)
    calls: list[Call] = []
    account.store.before = calls.append
    report = await estimate(account.ports(), ArchiveSettings(layout=LAYOUT, **settings))  # type: ignore[arg-type]
    account.store.before = None
    assert {call.operation for call in calls} <= {"get", "head", "list"}
    assert account.store.objects == before
    return report


async def test_a_first_run_is_estimated_as_it_then_comes() -> None:
    account = scene()
    report = await estimated(account)
    assert report.is_new
    asked, sampled = report.source_requests, len(account.images.asked)
    assert sampled == report.sampled == SAMPLE
    run = await account.run()
    assert report.outputs == run.new
    assert report.images == pytest.approx(run.copied, rel=0.1)
    assert report.bytes == pytest.approx(run.bytes, rel=0.1)
    assert report.request_limit is not None
    assert run.source_requests <= report.request_limit
    assert asked == pytest.approx(run.source_requests, rel=0.5)
    assert f"about {run.new:,} outputs" in " ".join(report.explain())


async def test_with_nothing_new_no_image_is_asked_for() -> None:
    account = scene()
    await account.run()
    account.images.asked.clear()
    report = await estimated(account)
    assert (report.outputs, report.images, report.bytes, report.exit_code) == (0, 0, 0, 0)
    assert account.images.asked == []
    assert "Nothing is new" in " ".join(report.explain())


async def test_what_is_new_since_the_last_run_is_counted() -> None:
    account = Scene(SimulatedWorld.generate(outputs=200, days=4, future=100))
    await account.run()
    account.clock.instant += timedelta(days=10)
    report = await estimated(account)
    run = await account.run()
    assert run.new > 50
    # What was in flight at the edge may be counted on both sides.
    assert report.outputs == pytest.approx(run.new, abs=3)


async def test_bounds_are_heeded() -> None:
    account = scene()
    cut = account.simulated.visible(account.clock.now())[150].g
    report = await estimated(account, end=cut)
    assert report.outputs == pytest.approx(150, abs=5)


async def test_images_that_are_due_are_counted() -> None:
    account = scene(60)
    broken = account.simulated.visible(account.clock.now())[0]
    account.images.broken[broken.file_name(Rendition.ORIGINAL)] = ImageRejected("a page")
    await account.run()
    assert (await estimated(account)).retries == 0
    assert (await estimated(account, retry_failed=True)).retries == 1
    account.clock.instant += timedelta(days=2)
    assert (await estimated(account)).retries == 1


async def test_a_source_that_does_not_count_by_date_is_estimated_from_its_total() -> None:
    account = scene(dialect=DOCUMENTED)
    report = await estimated(account)
    assert report.outputs == (await account.run()).new
    bounded = await estimated(scene(dialect=DOCUMENTED), end=account.clock.now() - timedelta(days=2))
    assert (bounded.outputs, bounded.images, bounded.seconds) == (None, None, None)
    assert "unknown" in " ".join(bounded.explain())


async def test_an_empty_account_is_nothing_new() -> None:
    account = Scene(SimulatedWorld.empty())
    assert (await estimated(account)).outputs == 0


async def test_images_that_cannot_be_fetched_are_named_with_exit_code_3_if_none_can() -> None:
    account = scene(30)
    refused = ImageRefused("host cdn.example is not allowed")
    for output in account.simulated.visible(account.clock.now()):
        for rendition in Rendition:
            account.images.broken[output.file_name(rendition)] = refused
    report = await estimated(account)
    assert (report.sampled, report.bytes, report.seconds, report.exit_code) == (0, None, None, 3)
    told = " ".join(report.explain())
    assert "of unknown size" in told
    assert told.count("cdn.example is not allowed -> if the host is right, allow it with --image-host") == 1
    assert f"(and {len(report.failures) - 1} more like it)" in told


async def test_some_that_fail_are_named_and_the_others_tell() -> None:
    account = scene(30)
    for output in account.simulated.visible(account.clock.now())[::2]:
        account.images.broken[output.file_name(Rendition.ORIGINAL)] = SourceUnavailable("503")
    report = await estimated(account)
    assert report.exit_code == 0
    assert report.bytes
    assert report.failures


async def test_another_account_is_refused_as_a_run_refuses_it() -> None:
    account = scene(40)
    await account.run()
    other = Scene(SimulatedWorld.generate(outputs=40, days=4, seed=9), store=account.store)
    with pytest.raises(AnotherAccount):
        await estimated(other)
    with pytest.raises(ConfigurationError, match="too late"):
        await estimated(account, start=account.clock.now() + timedelta(days=2))


async def test_another_archive_of_the_account_is_named() -> None:
    account = scene(40)
    await account.run()
    there = dict(account.store.objects)
    account.store.objects.clear()
    for key, item in there.items():
        account.store.objects[f"old/{key}"] = item
    assert "s3://archive/old/stablecog" not in " ".join((await estimated(account)).explain())
    for key, item in there.items():
        account.store.objects[key.replace("stablecog/", "stable/", 1)] = item
    assert "s3://archive/stable already holds" in " ".join((await estimated(account)).explain())


@pytest.mark.parametrize("declares", [True, False])
async def test_large_images_are_read_in_part_and_sized_by_what_their_host_declares(declares: bool) -> None:
    account, read = scene(12), [0]
    body = bytes(3 * READ_AT_MOST)

    class Large:
        @asynccontextmanager
        async def open(self, url: str) -> AsyncIterator[ImageBody]:
            async with MemoryImages({url: MemoryImage(body, declares=declares)}).open(url) as image:
                inner = image.chunks

                async def counted() -> AsyncIterator[bytes]:
                    async for chunk in inner():
                        read[0] += len(chunk)
                        yield chunk

                image.chunks = counted  # type: ignore[method-assign]
                yield image

    account.images = Large()  # type: ignore[assignment]
    report = await estimated(account)
    assert report.images
    assert report.bytes == (len(body) * report.images if declares else None)
    assert read[0] <= report.sampled * (READ_AT_MOST + 65536)


async def test_few_images_are_open_at_once() -> None:
    account = scene(100)
    images = MemoryImages()
    most = [0, 0]

    class Slow:
        @asynccontextmanager
        async def open(self, url: str) -> AsyncIterator[ImageBody]:
            most[0] += 1
            most[1] = max(most)
            for _ in range(5):
                await asyncio.sleep(0)
            images.answers[url] = [b"12345"]
            async with images.open(url) as image:
                yield image
            most[0] -= 1

    account.images = Slow()  # type: ignore[assignment]
    await estimated(account)
    assert most[1] == 8


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 second"), (40.4, "40 seconds"), (600, "10 minutes"), (9000, "2.5 hours"), (200_000, "2.3 days")],
)
def test_durations_for_people(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_the_documents_names_are_stable() -> None:
    report = EstimateReport(
        archive="s3://b", source="x", is_new=True, outputs=1, images=1, bytes=5, retries=0, sampled=1, failures=(),
        source_requests=12, request_limit=140, seconds=2.0, images_per_second=3.0,
    )  # fmt: skip
    assert {"dry_run", "outputs", "images", "bytes", "seconds", "source_requests"} <= set(report.to_document())
