"""What one image costs: function calls, requests, bytes written, memory. Counted, never timed."""

from __future__ import annotations

import asyncio
import gc
import sys
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import date
from types import FrameType

import pytest

from stablecog_provider.adapters.memory import Answer, Call, MemoryImage, MemoryImages, MemoryObjectStore
from stablecog_provider.archive.copying.transfer import MIB, CopyJob, Transfer
from stablecog_provider.errors import ItemError, SourceUnavailable, StoreUnavailable
from stablecog_provider.model.object_keys import Layout, Rendition
from support.scene import no_sleep

DAY = date(2026, 11, 21)


class Sink:
    """A store that keeps nothing, so that what stays in memory belongs to the transfer."""

    def __init__(self) -> None:
        self.bytes = 0
        self.store = MemoryObjectStore(after=self)

    async def __call__(self, call: Call) -> None:
        self.bytes += len(self.store.objects.pop(call.key).body)
        # A real store takes time, in which other images are read.
        for _ in range(5):
            await asyncio.sleep(0)


def jpeg(size: int) -> bytes:
    return b"\xff\xd8\xff" + bytes(size - 5) + b"\xff\xd9"


async def copy_all(transfer: Transfer, numbers: range) -> None:
    async with asyncio.TaskGroup() as group:
        for number in numbers:
            group.create_task(transfer.copy(CopyJob(f"o{number}", Rendition.ORIGINAL, DAY, f"u{number}")))


def images(count: int, size: int) -> MemoryImages:
    body = jpeg(size)
    return MemoryImages({f"u{number}": body for number in range(count)})


@contextmanager
def counted_calls() -> Iterator[Callable[[], int]]:
    """Counts calls of Python and C functions."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield lambda: calls
    finally:
        sys.setprofile(before)


async def test_every_image_is_asked_for_once_and_written_once() -> None:
    sink, asked = Sink(), images(200, 5_000)
    await copy_all(Transfer(asked, sink.store, Layout("bucket")), range(200))
    assert sorted(asked.asked) == sorted(f"u{number}" for number in range(200))
    assert (sink.store.requests, sink.bytes) == (200, 200 * 5_000)


async def test_a_retried_image_is_written_once() -> None:
    sink = Sink()
    asked = MemoryImages({f"u{number}": [SourceUnavailable("503"), jpeg(5_000)] for number in range(20)})

    await copy_all(Transfer(asked, sink.store, Layout("bucket"), sleep=no_sleep), range(20))
    assert (len(asked.asked), sink.store.requests, sink.bytes) == (40, 20, 20 * 5_000)


async def test_an_image_takes_few_function_calls() -> None:
    """About 390, those of the event loop and of the adapters in memory included. A retry library that was set up for every
    image needed 1,060.
    """
    transfer = Transfer(images(600, 5_000), Sink().store, Layout("bucket"))
    await copy_all(transfer, range(300))
    with counted_calls() as calls:
        await copy_all(transfer, range(300, 600))
        assert calls() / 300 < 500


async def test_nothing_of_an_image_stays_in_memory_once_it_is_copied() -> None:
    asked, sink = images(2_000, 1_000), Sink()
    transfer = Transfer(asked, sink.store, Layout("bucket"))
    await copy_all(transfer, range(1_000))
    asked.asked.clear()
    gc.collect()
    before = sys.getallocatedblocks()
    await copy_all(transfer, range(1_000, 2_000))
    asked.asked.clear()
    gc.collect()
    assert sys.getallocatedblocks() - before < 200


@pytest.fixture
async def traced() -> AsyncIterator[Callable[[], int]]:
    """Returns the peak memory of Python objects, in bytes, since the last call."""
    gc.collect()
    tracemalloc.start()

    def peak() -> int:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        return most

    try:
        yield peak
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [MIB // 8, MIB])
async def test_bodies_take_the_allowed_bytes_plus_the_one_that_is_joined(size: int, traced: Callable[[], int]) -> None:
    asked = images(64, size)
    transfer = Transfer(asked, Sink().store, Layout("bucket"), bytes_in_flight=8 * MIB)
    held, _ = tracemalloc.get_traced_memory()
    await copy_all(transfer, range(64))
    # One image at a time has its chunks and its body in memory; tasks and adapters take the rest.
    assert traced() - held < 8 * MIB + 2 * size + MIB


@pytest.mark.parametrize(
    "cut",
    [
        MemoryImage(jpeg(MIB), breaks=SourceUnavailable("it broke off")),
        MemoryImage(jpeg(MIB), declared_length=MIB + 1),
    ],
)
async def test_a_body_that_breaks_off_is_freed_while_others_are_copied(
    cut: MemoryImage, traced: Callable[[], int]
) -> None:
    """Its exception lives until the image is given up; its bytes must not."""
    asked = MemoryImages({f"u{number}": [cut, cut, jpeg(MIB)] for number in range(40)})

    transfer = Transfer(asked, Sink().store, Layout("bucket"), bytes_in_flight=8 * MIB, sleep=no_sleep)
    held, _ = tracemalloc.get_traced_memory()
    await copy_all(transfer, range(40))
    assert traced() - held < 16 * MIB


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def test_a_body_is_freed_at_once_whatever_its_outcome(traced: Callable[[], int]) -> None:
    """Without the garbage collector, which rarely runs during a copy: an error must not be part of a cycle."""
    puts: Counter[str] = Counter()

    def refuse_twice(call: Call) -> None:
        puts[call.key] += 1
        if puts[call.key] <= 2:
            raise StoreUnavailable("503 SlowDown")

    sink = Sink()
    sink.store.before = refuse_twice
    cut = MemoryImage(jpeg(MIB), breaks=SourceUnavailable("it broke off"))
    answers: list[Answer | list[Answer]] = [
        jpeg(MIB),
        [cut, jpeg(MIB)],
        bytes(MIB),
        MemoryImage(jpeg(MIB), declared_length=9),
    ]
    asked = MemoryImages({f"u{number}": answers[number % len(answers)] for number in range(120)})

    async def copied(number: int) -> bool:
        try:
            await transfer.copy(CopyJob(f"o{number}", Rendition.ORIGINAL, DAY, f"u{number}"))
        except ItemError:
            return False
        return True

    transfer = Transfer(asked, sink.store, Layout("bucket"), bytes_in_flight=8 * MIB, sleep=no_sleep)
    held, _ = tracemalloc.get_traced_memory()
    with no_garbage_collection():
        outcomes = [await copied(number) for number in range(120)]
        assert sum(outcomes) == 60
        assert traced() - held < 8 * MIB
