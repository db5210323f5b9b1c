"""Upper limits on waiting: a campaign that hangs must fail and say what it waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

RUN_SECONDS = 300.0
"""Longer than any run takes, even on a busy machine."""


async def within(seconds: float, what: str, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`. Raises TimeoutError, which names `what`, if it takes longer than `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        raise TimeoutError(f"{what} is not done after {seconds:.0f} s") from error
