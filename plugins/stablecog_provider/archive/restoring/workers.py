"""Many at once, with a bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

from ..resilience.together import awaited

T = TypeVar("T")


async def for_each(items: AsyncIterator[T], act: Callable[[T], Awaitable[None]], at_once: int) -> None:
    """Await `act` for each item, at most `at_once` at the same time. Raises the first error, once the others have stopped."""
    turn = asyncio.Lock()

    async def work() -> None:
        while True:
            async with turn:
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    return
            await act(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(awaited(work()))
    except BaseExceptionGroup as errors:
        first = errors.exceptions[0]
    else:
        return
    raise first


async def each_of(items: Iterable[T]) -> AsyncIterator[T]:
    for item in items:
        yield item
