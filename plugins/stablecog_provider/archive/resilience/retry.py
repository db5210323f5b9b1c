"""Retry policies as values, over tenacity: it composes stops and waits, and takes the sleep from outside, so tests never wait."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_before_delay
from tenacity.stop import stop_base
from tenacity.wait import wait_base, wait_exponential, wait_random

from ...errors import RateLimited, SourceUnavailable, StoreUnavailable, TransientError

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to try again, and when to give up. Times in seconds.

    `attempts`: tries in all. `refusals`: so many of them may be answered by RateLimited, and then do not count among the
    attempts (None: they do). `patience`: no attempt begins later than this after the first; a `retry_after` beyond it ends
    the matter at once. `first_wait` doubles up to `longest_wait`; up to `jitter` comes on top, so that many do not knock at
    once. `on`: the errors that are worth another try.
    """

    attempts: int = 5
    refusals: int | None = None
    patience: float = 180.0
    first_wait: float = 0.5
    longest_wait: float = 30.0
    jitter: float = 0.5
    on: tuple[type[TransientError], ...] = (TransientError,)

    async def call(self, operation: Callable[[], Awaitable[T]], sleep: Sleep = asyncio.sleep) -> T:
        """What `operation` returns. Raises its last error when the policy gives up, and any other error at once."""
        began = time.monotonic()
        try:
            # Nearly every first attempt is the last, and tenacity's beginning costs twice as much as all else that an image
            # does in our own code: it begins when there is something to try again.
            return await operation()
        except self.on as error:
            failure = error
        try:
            return await self._again(failure, time.monotonic() - began, operation, sleep)
        finally:
            # An error and the frame that keeps it hold each other, and by its traceback all that the operation held.
            del failure

    async def _again(
        self, failure: TransientError, spent: float, operation: Callable[[], Awaitable[T]], sleep: Sleep
    ) -> T:
        """Go on after a first attempt that ended in `failure` after `spent` seconds."""
        first = [failure]

        # tenacity awaits only what it can see to be a coroutine function: a lambda that returns one is not.
        async def attempt() -> T:
            if first:
                raise first.pop()
            return await operation()

        backoff = wait_exponential(multiplier=self.first_wait, max=self.longest_wait) + wait_random(0, self.jitter)
        retrying = AsyncRetrying(
            stop=_EnoughTries(self.attempts, self.refusals) | stop_before_delay(self.patience - spent),
            wait=_AtLeastRetryAfter(backoff),
            retry=retry_if_exception_type(self.on),
            sleep=sleep,
            before_sleep=_log_retry,
            reraise=True,
        )
        return await retrying(attempt)

    def bearable(self, error: TransientError) -> float:
        """The seconds that it asks us to wait; 0 where they are more than the patience, so that it is given up instead."""
        asked = error.retry_after or 0.0
        return asked if asked < self.patience else 0.0


SOURCE_RETRIES = RetryPolicy(attempts=6, patience=600.0, first_wait=1.0, jitter=1.0)
IMAGE_RETRIES = RetryPolicy(refusals=20, on=(RateLimited, SourceUnavailable))
"""A host that is asked too often says so to whichever image comes; it must not be the one that is given up for it."""
STORE_RETRIES = RetryPolicy(attempts=4, patience=120.0, on=(StoreUnavailable,))
"""On top of the store's own, shorter retries of a single request."""


class _EnoughTries(stop_base):
    """Of one call: asked once after each try that failed."""

    def __init__(self, attempts: int, refusals: int | None) -> None:
        self.attempts, self.refusals = attempts, refusals

    def __call__(self, retry_state: RetryCallState) -> bool:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        if self.refusals is None or not isinstance(error, RateLimited):
            self.attempts -= 1
            return self.attempts <= 0
        self.refusals -= 1
        return self.refusals <= 0


class _AtLeastRetryAfter(wait_base):
    """The other side's word counts: never sooner than its `retry_after`."""

    def __init__(self, backoff: wait_base) -> None:
        self.backoff = backoff

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.retry_after if isinstance(error, TransientError) else None
        return max(self.backoff(retry_state), asked or 0.0)


def _log_retry(retry_state: RetryCallState) -> None:
    error = retry_state.outcome.exception() if retry_state.outcome else None
    message = error.message if isinstance(error, TransientError) else type(error).__name__
    _log.info("Attempt %d failed, next in %.1f s: %s", retry_state.attempt_number, retry_state.upcoming_sleep, message)


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """The `Retry-After` header (seconds, or an HTTP date against `now`) in seconds from now; None where it says nothing."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    instant = http_date(text)
    return max(0.0, (instant - now).total_seconds()) if instant else None


def http_date(header: str | None) -> datetime | None:
    """The instant of an HTTP date header in UTC; None where it is missing or garbled."""
    try:
        instant = parsedate_to_datetime(header or "")
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
