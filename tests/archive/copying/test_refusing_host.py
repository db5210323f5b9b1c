"""An image host that answers 429 with a long `Retry-After` slows no other host."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import pytest

from stablecog_provider.adapters.memory import MemoryImage, MemoryImages, MemoryObjectStore
from stablecog_provider.archive.copying.transfer import CopyJob, Transfer
from stablecog_provider.archive.ports import ImageBody
from stablecog_provider.errors import ItemError, RateLimited
from stablecog_provider.model.object_keys import Rendition
from support.scene import LAYOUT, small_jpeg

IMAGES = 300


class Seconds:
    """Virtual time: it moves to the next sleeper when nobody else can continue."""

    def __init__(self) -> None:
        self.now, self._number = 0.0, 0
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self._number += 1
        woken = asyncio.Event()
        heapq.heappush(self._sleepers, (self.now + seconds, self._number, woken))
        await woken.wait()

    async def drive(self, work: asyncio.Task[None]) -> None:
        while not work.done():
            for _ in range(50):
                await asyncio.sleep(0)
            if self._sleepers and not work.done():
                at, _, woken = heapq.heappop(self._sleepers)
                self.now = max(self.now, at)
                woken.set()


class Images(MemoryImages):
    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        if "refusing" in url:
            raise RateLimited("429", retry_after=120.0)
        async with super().open(url) as body:
            yield body


def job(host: str, number: int) -> CopyJob:
    return CopyJob(f"{host[:4]}-{number}", Rendition.ORIGINAL, date(2026, 11, 20), f"https://{host}/{number}.jpeg")


async def test_a_host_that_refuses_slows_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Seconds()
    monkeypatch.setattr("stablecog_provider.archive.resilience.retry.time.monotonic", time.monotonic)
    jobs = [job(host, number) for number in range(IMAGES) for host in ("refusing.test", "serving.test")]
    images = Images({each.url: MemoryImage(small_jpeg(each.output_id)) for each in jobs if "serving" in each.url})
    transfer = Transfer(images, MemoryObjectStore(), LAYOUT, sleep=time.sleep, monotonic=time.monotonic)
    done: list[float] = []

    async def copy(each: CopyJob) -> None:
        try:
            await transfer.copy(each)
        except ItemError:
            return
        done.append(time.now)

    async def everything() -> None:
        await asyncio.gather(*map(copy, jobs))

    await time.drive(asyncio.ensure_future(everything()))
    assert (len(done), max(done)) == (IMAGES, 0.0)
    assert list(transfer.hosts.down) == ["refusing.test"]
