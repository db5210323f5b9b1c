"""Copying images: what is stored, what is retried, and how failures end."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import replace
from datetime import date

import pytest

from dev.local.tiny_jpeg import tiny_jpeg
from stablecog_provider.adapters.memory import Answer, Call, MemoryImage, MemoryImages, MemoryObjectStore
from stablecog_provider.archive.copying.transfer import MIB, Copied, CopyJob, Transfer
from stablecog_provider.archive.resilience.retry import IMAGE_RETRIES, RetryPolicy
from stablecog_provider.errors import (
    BucketMissing,
    ConfigurationError,
    ImageGone,
    ImageRefused,
    ImageRejected,
    RateLimited,
    SourceUnavailable,
    StoreUnavailable,
)
from stablecog_provider.model.object_keys import Layout, Rendition

URL = "https://b.stablecog.com/0a1b.jpeg?signature=geheim"
JOB = CopyJob("out-1", Rendition.ORIGINAL, date(2026, 11, 21), URL)
JPEG = tiny_jpeg(b"j" * 111_000)
PNG = b"\x89PNG\r\n\x1a\n" + (500).to_bytes(4) + b"tEXt" + b"p" * 504 + b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"
WEBP = b"RIFF" + (504).to_bytes(4, "little") + b"WEBP" + b"w" * 500
GIF = b"GIF89a" + bytes(7) + b"," + bytes(10) + b"\xff" + b"g" * 255 + b"\x00;"
AVIF = b"\0\0\0\x14ftypavif\0\0\0\0mif1" + b"\0\0\0\x0cmeta\0\0\0\0" + b"\0\0\2\0mdat" + b"a" * 504


def key_of(body: bytes, extension: str) -> str:
    return f"mine/images/dt=2026-11-21/out-1.original.{hashlib.sha256(body).hexdigest()[:16]}.{extension}"


KEY = key_of(JPEG, "jpeg")


class Bench:
    """A transfer over ports in memory; `waits` records its sleeps."""

    def __init__(
        self, *answers: Answer, store: MemoryObjectStore | None = None, refusals: int | None = None, **settings: int
    ) -> None:
        self.images = MemoryImages({URL: answers})
        self.store = store or MemoryObjectStore()
        self.waits: list[float] = []
        self.transfer = Transfer(
            self.images,
            self.store,
            Layout("bucket", "mine"),
            image_retries=RetryPolicy(attempts=3, refusals=refusals, jitter=0.0, on=IMAGE_RETRIES.on),
            store_retries=RetryPolicy(attempts=3, jitter=0.0, on=(StoreUnavailable,)),
            sleep=self.sleep,
            monotonic=lambda: sum(self.waits),
            **settings,  # type: ignore[arg-type]
        )

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def copy(self) -> Copied:
        try:
            async with asyncio.timeout(20.0):  # reached only if a copy hangs
                return await self.transfer.copy(JOB)
        finally:
            assert self.transfer.budget.available == self.transfer.budget.capacity

    async def refused(self, error: type[Exception], match: str) -> None:
        with pytest.raises(error, match=match) as raised:
            await self.copy()
        assert "geheim" not in str(raised.value)
        assert self.store.objects == {}


async def test_an_image_is_stored_under_its_key_with_its_fixity() -> None:
    bench = Bench(JPEG)
    digest = hashlib.sha256(JPEG).hexdigest()
    assert await bench.copy() == Copied(f"s3://bucket/{KEY}", digest, "image/jpeg", len(JPEG))
    stored = bench.store.objects[KEY]
    metadata = {"sha256": digest, "source-url": "https://b.stablecog.com/0a1b.jpeg?"}
    assert (stored.body, stored.content_type, dict(stored.metadata)) == (JPEG, "image/jpeg", metadata)


@pytest.mark.parametrize(
    ("body", "content_type", "extension"),
    [
        (PNG, "image/png", "png"), (WEBP, "image/webp", "webp"), (GIF, "image/gif", "gif"), (AVIF, "image/avif", "avif"),
    ],
)  # fmt: skip
async def test_type_and_key_follow_the_bytes_and_not_the_url(body: bytes, content_type: str, extension: str) -> None:
    bench = Bench(body)
    copied = await bench.copy()
    assert copied.content_type == content_type
    assert list(bench.store.objects) == [key_of(body, extension)]


async def test_copying_an_image_twice_gives_the_same_key_and_the_same_bytes() -> None:
    bench = Bench(JPEG)
    assert await bench.copy() == await bench.copy()
    assert [(stored.body, stored.version) for stored in bench.store.objects.values()] == [(JPEG, "1")]


async def test_another_image_of_the_same_output_has_another_key() -> None:
    other = JPEG.replace(b"j", b"k")
    bench = Bench(JPEG, other)
    await bench.copy()
    await bench.copy()
    assert {key: stored.body for key, stored in bench.store.objects.items()} == {
        KEY: JPEG,
        key_of(other, "jpeg"): other,
    }


@pytest.mark.parametrize("remains", [b"", JPEG[:1000]])
async def test_an_object_that_was_cut_off_is_repaired(remains: bytes) -> None:
    bench = Bench(JPEG)
    await bench.store.put(KEY, remains, content_type="image/jpeg")
    assert (await bench.copy()).bytes == len(JPEG)
    assert bench.store.objects[KEY].body == JPEG


async def test_an_image_that_is_there_already_costs_one_look() -> None:
    asked: list[str] = []
    bench = Bench(JPEG, store=MemoryObjectStore(before=lambda call: asked.append(call.operation)))
    await bench.copy()
    assert asked == ["put"]
    await bench.copy()
    assert asked == ["put", "put", "head"]


@pytest.mark.parametrize("trouble", [SourceUnavailable("500"), MemoryImage(JPEG[:70_000], declared_length=len(JPEG))])
async def test_a_temporary_failure_of_the_host_is_retried(trouble: Answer) -> None:
    bench = Bench(trouble, trouble, JPEG)
    assert (await bench.copy()).bytes == len(JPEG)
    assert len(bench.images.asked) == 3
    assert bench.waits == [0.5, 1.0]


async def test_a_stream_that_breaks_off_is_retried() -> None:
    broken = MemoryImage(JPEG[:70_000], declares=False, breaks=SourceUnavailable("reset by peer"))
    bench = Bench(broken, JPEG)
    assert (await bench.copy()).sha256 == hashlib.sha256(JPEG).hexdigest()


async def test_a_retry_after_of_the_host_is_honoured() -> None:
    bench = Bench(RateLimited("429", retry_after=42.0), JPEG)
    await bench.copy()
    assert bench.waits == [42.0]


async def test_refusals_of_the_host_do_not_end_an_image() -> None:
    refused = [RateLimited("429", retry_after=30.0)] * 8
    bench = Bench(*refused, SourceUnavailable("500"), JPEG, refusals=20)
    assert (await bench.copy()).bytes == len(JPEG)
    assert IMAGE_RETRIES.refusals == 20


@pytest.mark.parametrize("trouble", [SourceUnavailable("500: x"), RateLimited("429: x", retry_after=1.0)])
async def test_a_lasting_failure_of_the_host_is_a_failure_of_one_image(trouble: Exception) -> None:
    bench = Bench(trouble)
    await bench.refused(ImageRejected, "given up after retries: [45]")
    assert len(bench.images.asked) == 3


@pytest.mark.parametrize("error", [ImageGone("404"), ImageRefused("http"), ImageRejected("403")])
async def test_final_failures_are_not_retried(error: Exception) -> None:
    bench = Bench(error)
    await bench.refused(type(error), str(error.args[0]))
    assert len(bench.images.asked) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "empty"),
        (b"<!doctype html><p>Sorry", "an HTML page"),
        (MemoryImage(JPEG[:70_000], declares=False), "truncated image"),
        (MemoryImage(JPEG, declared_length=70_000), "longer than the 70000 bytes it declared"),
        (MemoryImage(JPEG[:70_000], declared_length=len(JPEG)), f"ended after 70000 of {len(JPEG)} bytes"),
    ],
)
async def test_a_body_that_is_not_a_complete_image_is_not_stored(answer: Answer, reason: str) -> None:
    await Bench(answer).refused(ImageRejected, reason)


async def test_a_too_large_image_is_refused_before_it_is_read() -> None:
    bench = Bench(MemoryImage(JPEG, breaks=AssertionError("read")), max_image_bytes=100_000)
    await bench.refused(ImageRejected, f"too large: at least {len(JPEG)} bytes, and at most 100000 are allowed")


async def test_a_too_large_image_without_a_length_is_refused_while_it_is_read() -> None:
    endless = MemoryImage(JPEG, declares=False, chunk_size=1000, breaks=AssertionError("read to its end"))
    await Bench(endless, max_image_bytes=50_000, undeclared_bytes=1000).refused(
        ImageRejected, "too large: at least 51000"
    )


async def test_an_image_without_a_length_may_outgrow_its_reservation() -> None:
    bench = Bench(MemoryImage(JPEG, declares=False, chunk_size=1000), undeclared_bytes=2000)
    assert (await bench.copy()).bytes == len(JPEG)


async def test_an_image_larger_than_the_whole_budget_still_gets_through() -> None:
    bench = Bench(JPEG, bytes_in_flight=1000, max_image_bytes=MIB)
    assert (await bench.copy()).bytes == len(JPEG)


async def test_a_write_that_fails_once_is_retried_and_the_image_is_fetched_once() -> None:
    failures = [StoreUnavailable("503")]

    def fail(call: Call) -> None:
        if failures:
            raise failures.pop()

    bench = Bench(JPEG, store=MemoryObjectStore(before=fail))
    assert (await bench.copy()).bytes == len(JPEG)
    assert (len(bench.images.asked), bench.store.requests) == (1, 2)


async def test_a_write_of_unknown_outcome_is_looked_at_and_not_repeated() -> None:
    failures = [StoreUnavailable("connection lost after the write")]

    def lose_the_answer(call: Call) -> None:
        if failures:
            raise failures.pop()

    bench = Bench(JPEG, store=MemoryObjectStore(after=lose_the_answer))
    copied = await bench.copy()
    stored = bench.store.objects[KEY]
    assert (copied.sha256, stored.body, stored.version) == (hashlib.sha256(JPEG).hexdigest(), JPEG, "1")


@pytest.mark.parametrize(("error", "tries"), [(StoreUnavailable("down"), 3), (BucketMissing("no bucket"), 1)])
async def test_a_lasting_failure_of_the_store_is_not_a_failure_of_the_image(error: Exception, tries: int) -> None:
    def fail(call: Call) -> None:
        raise error

    bench = Bench(JPEG, store=MemoryObjectStore(before=fail))
    await bench.refused(type(error), str(error.args[0]))
    assert bench.store.requests == tries
    assert len(bench.images.asked) == 1


HOST_WAS_ASKED = "https://b.stablecog.com/known.jpeg"


@pytest.mark.parametrize(
    ("answer", "serves"), [(JPEG, True), (ImageGone("404"), False), (SourceUnavailable("503"), False)]
)
async def test_whether_a_host_serves_is_asked_by_an_image_that_it_had(answer: Answer, serves: bool) -> None:
    bench = Bench(JPEG)
    bench.images.answers[HOST_WAS_ASKED] = [answer]
    assert await bench.transfer.serves(HOST_WAS_ASKED) == serves
    assert bench.store.objects == {}


async def test_a_host_that_served_an_image_is_not_asked_whether_it_does() -> None:
    bench = Bench(JPEG)
    await bench.copy()
    assert await bench.transfer.serves(HOST_WAS_ASKED)
    assert HOST_WAS_ASKED not in bench.images.asked


async def test_neither_a_jobs_repr_nor_the_log_shows_the_urls_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await Bench(SourceUnavailable("500"), JPEG).copy()
    assert "Attempt 1 of 3 failed" in caplog.text
    assert "geheim" not in repr(JOB) + caplog.text


async def test_refusing_every_image_of_one_host_is_a_missing_setting() -> None:
    """A thousand failed rows would be less clear, and would wait for hours after the setting is fixed."""
    refused = ImageRefused("not from elsewhere.test", hint="--image-host elsewhere.test:443")
    images = MemoryImages({f"u{n}": refused for n in range(40)})
    transfer = Transfer(images, MemoryObjectStore(), Layout("bucket"), concurrency=1)
    ended = await asyncio.gather(
        *(transfer.copy(replace(JOB, output_id=f"o{n}", url=f"u{n}")) for n in range(40)), return_exceptions=True
    )
    assert [type(error) for error in ended[:19]] == [ImageRefused] * 19
    assert isinstance(ended[19], ConfigurationError)
    assert "elsewhere.test:443" in ended[19].hint


async def test_refusals_of_many_hosts_or_after_an_archived_image_stay_with_their_images() -> None:
    many: dict[str, bytes | Exception] = {f"u{n}": ImageRefused("no", hint=f"--image-host h{n}") for n in range(40)}
    after: dict[str, bytes | Exception] = {"first": JPEG}
    after |= {f"v{n}": ImageRefused("no", hint="--image-host h") for n in range(40)}
    for answers in (many, after):
        transfer = Transfer(MemoryImages(answers), MemoryObjectStore(), Layout("bucket"), concurrency=1)
        ended = await asyncio.gather(
            *(transfer.copy(replace(JOB, output_id=url, url=url)) for url in answers), return_exceptions=True
        )
        assert not [error for error in ended if isinstance(error, ConfigurationError)]
