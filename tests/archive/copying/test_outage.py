"""A host that is down ends the run, an image that cannot be had does not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date

import pytest

from stablecog_provider.adapters.memory import Answer, MemoryImages, MemoryObjectStore
from stablecog_provider.archive.copying.transfer import Copied, CopyJob, Transfer
from stablecog_provider.archive.resilience.retry import RetryPolicy
from stablecog_provider.errors import ImageGone, ImageRejected, RateLimited, SourceUnavailable
from stablecog_provider.model.object_keys import Layout, Rendition

JPEG = b"\xff\xd8\xff\xe0" + b"j" * 100 + b"\xff\xd9"
DOWN = SourceUnavailable("503: the host")


def job(name: str, *, failed_before: bool = False) -> CopyJob:
    return CopyJob(name, Rendition.ORIGINAL, date(2026, 11, 21), name, failed_before)


class Bench:
    def __init__(self, answers: Mapping[str, Answer], *, concurrency: int = 2, attempts: int = 1) -> None:
        self.images = MemoryImages(answers)
        self.waited = 0.0
        self.transfer = Transfer(
            self.images,
            MemoryObjectStore(),
            Layout("bucket"),
            concurrency=concurrency,
            image_retries=RetryPolicy(attempts=attempts, jitter=0.0, on=(RateLimited, SourceUnavailable)),
            images_in_a_row=5,
            sleep=self.sleep,
            monotonic=lambda: self.waited,
        )

    async def sleep(self, seconds: float) -> None:
        self.waited += seconds

    async def copy(self, *jobs: CopyJob) -> list[type]:
        async with asyncio.timeout(20.0):  # reached only where a copy hangs
            outcomes = await asyncio.gather(*map(self.transfer.copy, jobs), return_exceptions=True)
        return [type(outcome) for outcome in outcomes]


def named(count: int) -> list[str]:
    return [f"image-{number}" for number in range(count)]


@pytest.mark.parametrize("concurrency", [1, 3, 50])
async def test_when_the_host_is_down_no_image_is_blamed(concurrency: int) -> None:
    names = named(40)
    bench = Bench(dict.fromkeys(names, DOWN), concurrency=concurrency)
    assert set(await bench.copy(*map(job, names))) == {SourceUnavailable}
    assert len(bench.images.asked) < 5 + concurrency


async def test_the_error_names_the_cause_the_wait_and_the_way_out() -> None:
    bench = Bench(dict.fromkeys(named(5), RateLimited("429: the host", retry_after=7000.0)))
    await bench.copy(*map(job, named(5)))
    with pytest.raises(SourceUnavailable, match=r"5 images in a row .* 429: the host -> run again when") as raised:
        await bench.transfer.copy(job("another"))
    assert raised.value.retry_after == 7000.0
    assert bench.waited < 1.0  # a wait beyond all patience is not waited out here


async def test_one_image_that_arrives_clears_the_host_and_blames_the_others() -> None:
    answers: dict[str, Answer] = {**dict.fromkeys(named(4), DOWN), "good": JPEG}
    bench = Bench(answers, concurrency=1)
    assert await bench.copy(*map(job, [*named(4), "good"])) == [ImageRejected] * 4 + [Copied]
    assert await bench.copy(*map(job, named(4))) == [ImageRejected] * 4


async def test_a_few_images_that_fail_with_nothing_else_on_its_way_are_blamed() -> None:
    bench = Bench(dict.fromkeys(named(4), DOWN), concurrency=8)
    assert await bench.copy(*map(job, named(4))) == [ImageRejected] * 4


async def test_failures_add_up_from_page_to_page() -> None:
    names = named(6)
    bench = Bench(dict.fromkeys(names, DOWN))
    assert [await bench.copy(job(name)) for name in names] == [[ImageRejected]] * 4 + [[SourceUnavailable]] * 2


async def test_images_that_the_host_does_not_have_say_nothing_of_its_health() -> None:
    bench = Bench({})
    assert await bench.copy(*map(job, named(20))) == [ImageGone] * 20


async def test_images_that_failed_before_bring_no_verdict_about_and_soon_get_one_attempt_each() -> None:
    names = named(30)
    bench = Bench({**dict.fromkeys(names, DOWN), "good": JPEG}, concurrency=1, attempts=3)
    again = [job(name, failed_before=True) for name in names]
    assert await bench.copy(*again) == [ImageRejected] * 30
    assert len(bench.images.asked) == 5 * 3 + 25
    assert await bench.copy(job("good")) == [Copied]


async def test_a_copy_that_is_cancelled_leaves_nobody_waiting() -> None:
    bench = Bench({"bad": DOWN, "slow": JPEG}, concurrency=1)
    await bench.transfer.concurrency.__aenter__()
    slow = asyncio.create_task(bench.transfer.copy(job("slow")))
    bad = asyncio.create_task(bench.transfer.copy(job("bad")))
    await asyncio.sleep(0)
    slow.cancel()
    await bench.transfer.concurrency.__aexit__()
    async with asyncio.timeout(20.0):
        with pytest.raises(ImageRejected):
            await bad
