"""A store after a fork: an error instead of a wait without end."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from multiprocessing.queues import SimpleQueue

import pytest

from dev.local.s3_server import S3Server
from stablecog_provider.adapters import forks
from stablecog_provider.adapters.object_store import S3ObjectStore
from support.store_operations import ALL, operate

FORK = multiprocessing.get_context("fork")
LONGEST = 60.0
"""Seconds after which a child counts as hung."""


def opened(server: S3Server) -> S3ObjectStore:
    return S3ObjectStore("archive", session=server.session(), endpoint_url=server.endpoint)


def told_by_child(use: Callable[[], Awaitable[object]]) -> str:
    """What a forked child says about using the store."""
    told: SimpleQueue[str] = FORK.SimpleQueue()

    def child() -> None:
        try:
            asyncio.run(_awaited(use))
        except Exception as error:
            told.put(f"{type(error).__name__}: {error}")
        else:
            told.put("done")

    process = FORK.Process(target=child)
    process.start()
    process.join(LONGEST)
    hung = process.is_alive()
    process.kill()
    return "hung" if hung else told.get()


async def _awaited(use: Callable[[], Awaitable[object]]) -> None:
    await use()


@pytest.mark.slow
@pytest.mark.parametrize("operation", ALL)
def test_a_child_of_a_process_that_used_the_store_says_so(
    operation: str, moto_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forks, "_used_by", None)
    store = opened(moto_server)
    asyncio.run(_awaited(lambda: operate(store, "put")))
    for use in (lambda: operate(store, operation), lambda: operate(opened(moto_server), operation)):
        told = told_by_child(use)
        assert told.startswith("ConfigurationError: this process"), told
        assert "`spawn`" in told
