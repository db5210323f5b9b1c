"""Retry policies as values. The sleep is a parameter, so that tests never wait."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from ...errors import ArchiveError, LocalLimit, RateLimited, SourceUnavailable, StoreUnavailable, TransientError

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

_log = logging.getLogger(__name__)


class WaitElsewhere(ArchiveError):
    """The next attempt is due in `seconds`, and its caller wants to wait for it elsewhere. No TransientError: nobody retries it,
    and nobody takes it for an outage.

    `made`, `left`: attempts before and after it. `patience`: seconds in which the last of them may start. `answered`: whether
    other requests of the same client succeeded before.
    """

    default_hint = "nothing is lost; the run continues as soon as the source answers"

    def __init__(self, failure: TransientError, *, seconds: float, made: int, left: int, patience: float) -> None:
        super().__init__(failure.message)
        self.seconds, self.made, self.left, self.patience = seconds, made, left, patience
        self.answered = False


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to retry and when to give up. Times in seconds.

    - `attempts`: attempts in total, the first one included.
    - `refusals`: if set, an error of type `refusal` does not count as an attempt; this many of them end the call.
    - `patience`: no retry starts later than this after the first attempt. A longer `retry_after` ends the call at once.
    - `first_wait`: doubles with each retry, up to `longest_wait`. A random share of `jitter` is added, so that many
      callers do not retry at the same instant.
    - `on`: the errors that are retried.
    - `here`: seconds after the first attempt in which retries start here; a later one raises WaitElsewhere, if the error is one
      of `elsewhere`.
    - `level`: that of the log line of each failed attempt. A command prints those of INFO and above as they happen.
    """

    attempts: int = 5
    refusals: int | None = None
    refusal: type[Exception] = RateLimited
    patience: float = 180.0
    first_wait: float = 0.5
    longest_wait: float = 30.0
    jitter: float = 0.5
    on: tuple[type[Exception], ...] = (TransientError,)
    level: int = logging.INFO
    here: float = math.inf
    elsewhere: tuple[type[Exception], ...] = (TransientError,)

    async def call(self, operation: Callable[[], Awaitable[T]], sleep: Sleep = asyncio.sleep) -> T:
        """Return what `operation` returns. Raises its last error when the policy gives up, and any other error at once."""
        began, number = time.monotonic(), 0
        attempts, refusals = self.attempts, self.refusals
        while True:
            try:
                return await operation()
            except self.on as error:
                number += 1
                if refusals is not None and isinstance(error, self.refusal):
                    left = refusals = refusals - 1
                else:
                    left = attempts = attempts - 1
                wait, spent = self.wait_after(number, error), time.monotonic() - began
                if left <= 0 or spent + wait >= self.patience:
                    raise
                if spent + wait > self.here and isinstance(error, TransientError) and isinstance(error, self.elsewhere):
                    patience = self.patience - spent
                    raise WaitElsewhere(error, seconds=wait, made=number, left=left, patience=patience) from None
                of = "" if refusals is not None else f" of {self.attempts}"
                _log.log(self.level, "Attempt %d%s failed, retrying in %.1f s: %s", number, of, wait, _message(error))
            # Outside the `except`: during the wait, the error and all that its traceback refers to are free to go.
            await sleep(wait)

    def wait_after(self, number: int, error: Exception) -> float:
        """Return the seconds between the failure of attempt `number` and the next one."""
        backoff = min(self.first_wait * 2.0 ** (number - 1), self.longest_wait)
        spread = random.uniform(0.0, self.jitter)  # noqa: S311 (no secret depends on it)
        return max(backoff + spread, _retry_after(error))

    def pause_for(self, error: TransientError) -> float:
        """How long the error asks every caller to wait; 0 if that exceeds the patience, since the call then fails."""
        asked = _retry_after(error)
        return asked if asked < self.patience else 0.0


SOURCE_RETRIES = RetryPolicy(attempts=6, patience=600.0, first_wait=1.0, jitter=1.0, level=logging.WARNING)
IMAGE_RETRIES = RetryPolicy(refusals=20, on=(RateLimited, SourceUnavailable, LocalLimit), level=logging.DEBUG)
"""A host that is asked too often refuses whichever image comes next; that image must not be given up for it. A run may have
thousands of these retries, and the report has what remains: their log lines are details.
"""
STORE_RETRIES = RetryPolicy(attempts=4, patience=120.0, on=(StoreUnavailable,), level=logging.WARNING)
"""On top of the store client's own, shorter retries of a single request."""


def _retry_after(error: Exception) -> float:
    return error.retry_after or 0.0 if isinstance(error, TransientError) else 0.0


def _message(error: Exception) -> str:
    return error.message if isinstance(error, TransientError) else f"{type(error).__name__}: {error}"
