"""Both limits of a transfer hold for all sizes and cancellations, and nothing waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.adapters.memory import Call, MemoryImage, MemoryImages, MemoryObjectStore
from stablecog_provider.archive.copying.transfer import CopyJob, Transfer
from stablecog_provider.archive.ports import ImageBody
from stablecog_provider.archive.resilience.retry import RetryPolicy
from stablecog_provider.errors import ItemError, SourceUnavailable
from stablecog_provider.model.object_keys import Layout, Rendition

DEADLOCK_SECONDS = 20.0
"""Reached only if a test fails."""


def jpeg(size: int) -> bytes:
    return b"\xff\xd8\xff" + b"j" * (size - 5) + b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class Plan:
    """One image of the stress test, cancelled after `cancel_after` turns of the event loop."""

    size: int
    declares: bool
    broken: bool
    cancel_after: int | None


plans = st.lists(
    st.builds(
        Plan,
        size=st.integers(5, 3000),
        declares=st.booleans(),
        broken=st.integers(0, 5).map(lambda n: n == 0),
        cancel_after=st.none() | st.integers(0, 60),
    ),
    min_size=1,
    max_size=25,
)


class Weighed:
    """An ImageSource around another one that counts the bytes handed out and neither stored nor dropped yet."""

    def __init__(self, inner: MemoryImages) -> None:
        self.inner = inner
        self.held: dict[object, int] = {}
        self.most = 0

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        owner = asyncio.current_task()
        async with self.inner.open(url) as body:
            try:
                yield _WeighedBody(self, body, owner)
            except BaseException:
                # The attempt failed: what it read is dropped with it, also if no other attempt follows soon.
                self.held.pop(owner, None)
                raise

    def weigh(self, owner: object, size: int) -> None:
        self.held[owner] = self.held.get(owner, 0) + size
        self.most = max(self.most, sum(self.held.values()))


class _WeighedBody:
    def __init__(self, scale: Weighed, inner: ImageBody, owner: object) -> None:
        self.declared_length = inner.declared_length
        self._scale, self._inner, self._owner = scale, inner, owner

    async def chunks(self) -> AsyncIterator[bytes]:
        self._scale.held.pop(self._owner, None)  # an earlier attempt has dropped its body
        async for chunk in self._inner.chunks():
            self._scale.weigh(self._owner, len(chunk))
            yield chunk


async def no_sleep(seconds: float) -> None:
    await asyncio.sleep(0)


def answer(plan: Plan) -> MemoryImage | list[MemoryImage]:
    whole = MemoryImage(jpeg(plan.size), declares=plan.declares, chunk_size=100)
    broken = MemoryImage(jpeg(plan.size), declares=plan.declares, chunk_size=100, breaks=SourceUnavailable("reset"))
    return [broken, whole] if plan.broken else whole


@given(plans, st.integers(1, 6), st.integers(100, 4000), st.integers(100, 3000))
async def test_both_limits_hold_nothing_hangs_and_all_reservations_are_released(
    plans: list[Plan], concurrency: int, bytes_in_flight: int, max_image_bytes: int
) -> None:
    images = MemoryImages({f"https://x/{n}": answer(plan) for n, plan in enumerate(plans)})
    scale = Weighed(images)
    store = MemoryObjectStore(after=lambda call: asyncio.sleep(0))
    transfer = Transfer(
        scale,
        store,
        Layout("bucket"),
        concurrency=concurrency,
        bytes_in_flight=bytes_in_flight,
        max_image_bytes=max_image_bytes,
        undeclared_bytes=300,
        image_retries=RetryPolicy(attempts=3, jitter=0.0),
        sleep=no_sleep,
    )
    results = await run_all(transfer, plans, scale)
    assert transfer.budget.available == bytes_in_flight
    assert images.most_open <= concurrency
    # A chunk arrives before it can be counted: each open image may have one more in memory.
    assert scale.most <= bytes_in_flight + max_image_bytes + concurrency * 100
    for plan, result in zip(plans, results, strict=True):
        if plan.cancel_after is None:
            assert isinstance(result, ItemError) == (plan.size > max_image_bytes), result


async def run_all(transfer: Transfer, plans: list[Plan], scale: Weighed) -> list[object]:
    async def copy(n: int) -> object:
        try:
            job = CopyJob(f"out-{n}", Rendition.ORIGINAL, date(2026, 11, 21), f"https://x/{n}")
            return await transfer.copy(job)
        finally:
            scale.held.pop(asyncio.current_task(), None)

    async def cancel(task: asyncio.Task[object], turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()

    async with asyncio.timeout(DEADLOCK_SECONDS):
        tasks = [asyncio.create_task(copy(n)) for n in range(len(plans))]
        cancels = [
            asyncio.create_task(cancel(task, plan.cancel_after))
            for task, plan in zip(tasks, plans, strict=True)
            if plan.cancel_after is not None
        ]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*cancels)
    return list(results)


async def test_images_that_outgrow_their_reservation_continue_one_at_a_time() -> None:
    plans = [Plan(size=3000, declares=False, broken=False, cancel_after=None)] * 10
    scale = Weighed(MemoryImages({f"https://x/{n}": answer(plan) for n, plan in enumerate(plans)}))
    transfer = Transfer(
        scale,
        MemoryObjectStore(),
        Layout("bucket"),
        bytes_in_flight=3000,
        max_image_bytes=3000,
        undeclared_bytes=300,
    )
    results = await run_all(transfer, plans, scale)
    assert not any(isinstance(result, BaseException) for result in results)
    assert scale.most <= 3000 + 3000 + 10 * 100


async def test_no_more_images_are_open_than_allowed_while_the_store_is_slow() -> None:
    gate = asyncio.Event()

    async def wait(call: Call) -> None:
        await gate.wait()

    images = MemoryImages({f"https://x/{n}": jpeg(100) for n in range(10)})
    store = MemoryObjectStore(before=wait)
    transfer = Transfer(images, store, Layout("bucket"), concurrency=3)
    day = date(2026, 11, 21)
    jobs = [CopyJob(f"out-{n}", Rendition.ORIGINAL, day, f"https://x/{n}") for n in range(10)]
    copies = [asyncio.create_task(transfer.copy(job)) for job in jobs]
    for _ in range(100):
        await asyncio.sleep(0)
    assert (len(images.asked), store.requests) == (3, 3)
    gate.set()
    assert len(await asyncio.gather(*copies)) == 10
