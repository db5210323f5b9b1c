"""Several coroutines at once, of which one error at most comes out: callers know errors of ours, not groups of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from ...errors import ArchiveError, FatalError, TransientError

T = TypeVar("T")


async def together(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Return what they return, in their order. Raises the gravest error, once the others have stopped."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in coroutines]
    except BaseExceptionGroup as errors:
        failure = gravest(errors)
    else:
        return [task.result() for task in tasks]
    raise failure


async def awaited(part: Coroutine[Any, Any, T]) -> T:
    """Return what a part of a task group returns. Raises RuntimeError if it ends with a CancelledError although nobody cancelled
    it: a task group takes that for an end as planned, so that the others would wait for it for ever, or miss what it had to do.
    """
    try:
        return await part
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise RuntimeError("a part of the work was cancelled by nobody") from error


def gravest(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the gravest of errors that occurred together: a bug, then fatal, then settings, then transient."""

    def rank(error: BaseException) -> int:
        if not isinstance(error, ArchiveError):
            return 0
        return 1 if isinstance(error, FatalError) else 3 if isinstance(error, TransientError) else 2

    return min(_leaves(errors), key=rank)


def _leaves(errors: BaseExceptionGroup[BaseException]) -> Iterable[BaseException]:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
