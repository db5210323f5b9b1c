"""A host that is down is left alone for a while. It stops neither the run nor any other host."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date

import pytest

from dev.local.tiny_jpeg import tiny_jpeg
from stablecog_provider.adapters.memory import Answer, MemoryImages, MemoryObjectStore
from stablecog_provider.archive.copying.outage import FIRST_TRIAL, OutageDetector, host_of
from stablecog_provider.archive.copying.transfer import Copied, CopyJob, Transfer
from stablecog_provider.archive.resilience.retry import RetryPolicy
from stablecog_provider.errors import (
    ConfigurationError,
    ImageGone,
    ImageHostDown,
    ImageRefused,
    ImageRejected,
    RateLimited,
    SourceUnavailable,
)
from stablecog_provider.model.object_keys import Layout, Rendition

JPEG = tiny_jpeg(b"j" * 100)
DOWN = SourceUnavailable("503: the host")
SICK, WELL = "sick.test", "well.test"
LIMIT = 5


def urls(host: str, count: int) -> list[str]:
    return [f"https://{host}/{number}.jpeg" for number in range(count)]


class Bench:
    """A transfer that takes `LIMIT` failures in a row for an outage; time passes only by `now` and by waiting."""

    def __init__(self, answers: Mapping[str, Answer], *, concurrency: int = 2, attempts: int = 1) -> None:
        self.images = MemoryImages(answers)
        self.now = 0.0
        self.transfer = Transfer(
            self.images,
            MemoryObjectStore(),
            Layout("bucket"),
            concurrency=concurrency,
            image_retries=RetryPolicy(attempts=attempts, jitter=0.0, on=(RateLimited, SourceUnavailable)),
            images_in_a_row=LIMIT,
            sleep=self.sleep,
            monotonic=lambda: self.now,
        )

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def copy(self, *addresses: str) -> list[type]:
        jobs = (CopyJob(f"o{n}", Rendition.ORIGINAL, date(2026, 11, 21), url) for n, url in enumerate(addresses))
        async with asyncio.timeout(20.0):  # reached only if a copy hangs
            outcomes = await asyncio.gather(*map(self.transfer.copy, jobs), return_exceptions=True)
        return [type(outcome) for outcome in outcomes]

    def heal(self, *addresses: str) -> None:
        self.images.answers |= {url: [JPEG] for url in addresses}


def sick(count: int, **settings: int) -> Bench:
    return Bench(dict.fromkeys(urls(SICK, count), DOWN), **settings)


# --- through a transfer ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 3, 50])
async def test_once_a_host_is_down_its_images_are_skipped(concurrency: int) -> None:
    bench = sick(100, concurrency=concurrency)
    outcomes = await bench.copy(*urls(SICK, 100))
    assert set(outcomes) == {ImageRejected, ImageHostDown}
    assert outcomes.count(ImageRejected) == len(bench.images.asked)
    trials = (100 // LIMIT).bit_length()
    assert LIMIT <= len(bench.images.asked) < LIMIT + concurrency + trials


@pytest.mark.parametrize("concurrency", [1, 3, 50])
async def test_a_sick_host_never_affects_a_well_one(concurrency: int) -> None:
    mixed = [url for pair in zip(urls(SICK, 40), urls(WELL, 40), strict=True) for url in pair]
    bench = Bench({url: DOWN if SICK in url else JPEG for url in mixed}, concurrency=concurrency)
    outcomes = dict(zip(mixed, await bench.copy(*mixed), strict=True))
    assert [outcomes[url] for url in urls(WELL, 40)] == [Copied] * 40
    assert ImageHostDown in outcomes.values()
    assert list(bench.transfer.hosts.down) == [SICK]


async def test_images_of_other_hosts_do_not_clear_a_sick_one() -> None:
    bench = Bench({**dict.fromkeys(urls(SICK, 20), DOWN), **dict.fromkeys(urls(WELL, 20), JPEG)}, concurrency=1)
    for failing, fine in zip(urls(SICK, LIMIT), urls(WELL, LIMIT), strict=True):
        assert await bench.copy(failing, fine) == [ImageRejected, Copied]
    assert await bench.copy(urls(SICK, 20)[-1]) == [ImageHostDown]


async def test_failures_of_many_hosts_do_not_add_up() -> None:
    addresses = [url for number in range(20) for url in urls(f"h{number}.test", LIMIT - 1)]
    bench = Bench(dict.fromkeys(addresses, DOWN), concurrency=1)
    assert set(await bench.copy(*addresses)) == {ImageRejected}


async def test_the_error_names_host_and_cause_and_what_comes_next() -> None:
    bench = Bench(dict.fromkeys(urls(SICK, LIMIT), RateLimited("429: the host", retry_after=7000.0)))
    await bench.copy(*urls(SICK, LIMIT))
    with pytest.raises(ImageHostDown, match=rf"5 images of {SICK} in a row .* 429: the host -> later runs retry it"):
        await bench.transfer.copy(CopyJob("o", Rendition.ORIGINAL, date(2026, 11, 21), urls(SICK, 1)[0]))
    assert bench.now < 1.0  # a wait beyond all patience is not waited out here


async def test_failures_add_up_from_page_to_page() -> None:
    bench = sick(LIMIT + 2)
    outcomes = [await bench.copy(url) for url in urls(SICK, LIMIT + 2)]
    assert outcomes == [[ImageRejected]] * LIMIT + [[ImageHostDown]] * 2


async def test_an_image_that_arrives_in_between_clears_its_host() -> None:
    bench = sick(LIMIT - 1, concurrency=1)
    bench.heal(f"https://{SICK}/good.jpeg")
    for _ in range(3):
        assert await bench.copy(*urls(SICK, LIMIT - 1)) == [ImageRejected] * (LIMIT - 1)
        assert await bench.copy(f"https://{SICK}/good.jpeg") == [Copied]


async def test_a_failed_attempt_that_is_retried_in_vain_counts_once() -> None:
    bench = sick(LIMIT, concurrency=1, attempts=3)
    assert await bench.copy(*urls(SICK, LIMIT)) == [ImageRejected] * LIMIT
    assert len(bench.images.asked) == LIMIT * 3


async def test_images_that_the_host_does_not_have_say_nothing_of_its_health() -> None:
    bench = Bench({})
    assert await bench.copy(*urls(SICK, 20)) == [ImageGone] * 20


async def test_after_a_while_one_image_is_tried_and_the_others_wait_for_it() -> None:
    bench = sick(20, concurrency=1)
    await bench.copy(*urls(SICK, LIMIT))
    bench.images.asked.clear()
    bench.now += FIRST_TRIAL - 0.001
    assert await bench.copy(*urls(SICK, 4)) == [ImageHostDown] * 4
    bench.now += 0.001
    assert await bench.copy(*urls(SICK, 4)) == [ImageRejected] + [ImageHostDown] * 3
    bench.now += 2 * FIRST_TRIAL
    assert await bench.copy(*urls(SICK, 4)) == [ImageRejected] + [ImageHostDown] * 3
    assert bench.images.asked == urls(SICK, 1) * 2


async def test_after_many_skipped_images_one_is_tried_however_little_time_has_passed() -> None:
    """Each time after twice as many: the broken images of one day must not pass for an outage of their host."""
    bench = sick(100, concurrency=1)
    outcomes = await bench.copy(*urls(SICK, 100))
    tried = [number for number, outcome in enumerate(outcomes) if outcome is ImageRejected]
    first, second, third = LIMIT + LIMIT, LIMIT + LIMIT + 1 + 2 * LIMIT, LIMIT + LIMIT + 2 + 6 * LIMIT
    assert tried == [*range(LIMIT), first, second, third, third + 1 + 8 * LIMIT]


async def test_a_trial_makes_one_attempt() -> None:
    bench = sick(LIMIT, concurrency=1, attempts=3)
    await bench.copy(*urls(SICK, LIMIT))
    bench.images.asked.clear()
    bench.now += FIRST_TRIAL
    assert await bench.copy(urls(SICK, 1)[0]) == [ImageRejected]
    assert bench.images.asked == urls(SICK, 1)


async def test_a_trial_that_succeeds_brings_the_host_back() -> None:
    bench = sick(20, concurrency=1)
    await bench.copy(*urls(SICK, 20))
    bench.heal(*urls(SICK, 20))
    assert await bench.copy(urls(SICK, 1)[0]) == [ImageHostDown]
    bench.now += FIRST_TRIAL
    assert await bench.copy(*urls(SICK, 20)) == [Copied] * 20
    assert bench.transfer.hosts.down == {}


async def test_a_copy_that_is_cancelled_leaves_nobody_waiting() -> None:
    bad, slow = urls(SICK, 2)
    bench = Bench({bad: DOWN, slow: JPEG}, concurrency=1)
    await bench.transfer.lane(SICK).concurrency.__aenter__()
    waiting = asyncio.create_task(bench.copy(slow))
    failing = asyncio.create_task(bench.copy(bad))
    await asyncio.sleep(0)
    waiting.cancel()
    await bench.transfer.lane(SICK).concurrency.__aexit__()
    assert await failing == [ImageRejected]


# --- alone -----------------------------------------------------------------------------------------------------------


def test_a_host_served_only_if_one_of_its_own_images_was_fetched() -> None:
    detector = OutageDetector()
    detector.archived(WELL)
    detector.failed(SICK, DOWN)
    assert (detector.served(WELL), detector.served(SICK), detector.served("other.test")) == (True, False, False)


def test_what_is_down_is_told_with_the_last_failure() -> None:
    detector = OutageDetector(limit=2, monotonic=lambda: 0.0)
    detector.failed(SICK, SourceUnavailable("first"))
    assert detector.down == {}
    detector.failed(SICK, RateLimited("last"))
    assert detector.down == {SICK: "last"}


def test_while_a_trial_is_on_its_way_nobody_else_is_let_through() -> None:
    now = [0.0]
    detector = OutageDetector(limit=1, monotonic=lambda: now[0])
    detector.failed(SICK, DOWN)
    now[0] = FIRST_TRIAL
    assert detector.is_trial(SICK)
    with pytest.raises(ImageHostDown):
        detector.is_trial(SICK)
    assert not detector.is_trial(WELL)


def test_refusals_of_one_unnamed_host_are_a_missing_setting() -> None:
    detector = OutageDetector(limit=3)
    refusal = ImageRefused("not from there", hint="--image-host there:443")
    detector.refused(refusal)
    detector.refused(refusal)
    with pytest.raises(ConfigurationError, match="all of the first 3 images") as raised:
        detector.refused(refusal)
    assert raised.value.hint == refusal.hint


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://B.Stablecog.com/a.jpeg?x=1", "b.stablecog.com"),
        ("http://127.0.0.1:8080/a.jpeg", "127.0.0.1:8080"),
        ("https://user:secret@cdn.test/a.jpeg", "cdn.test"),
        ("", ""),
    ],
)
def test_a_host_is_told_by_name_and_port(url: str, host: str) -> None:
    assert host_of(url) == host
