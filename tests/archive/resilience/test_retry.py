"""When a policy retries, how long it waits, and when it gives up. The waits are recorded, not slept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from weakref import ReferenceType, ref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.archive.resilience.retry import IMAGE_RETRIES, RetryPolicy
from stablecog_provider.errors import (
    ConfigurationError,
    ImageGone,
    RateLimited,
    SourceUnavailable,
    StoreUnavailable,
    TransientError,
)

PLAIN = RetryPolicy(attempts=4, first_wait=1.0, longest_wait=3.0, jitter=0.0)


class Body(bytearray):
    """Bytes that a weak reference can follow."""


class Sleeps(list[float]):
    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def failing(*errors: Exception) -> Callable[[], Awaitable[str]]:
    remaining = list(errors)

    async def operation() -> str:
        if remaining:
            raise remaining.pop(0)
        return "done"

    return operation


async def test_a_success_is_returned_without_a_wait() -> None:
    sleeps = Sleeps()
    assert await PLAIN.call(failing(), sleeps) == "done"
    assert sleeps == []


async def test_a_lambda_that_returns_an_awaitable_is_retried() -> None:
    sleeps = Sleeps()
    operation = failing(SourceUnavailable("503"))
    assert await PLAIN.call(lambda: operation(), sleeps) == "done"
    assert sleeps == [1.0]


async def test_waits_double_up_to_the_longest() -> None:
    sleeps = Sleeps()
    assert await PLAIN.call(failing(*[SourceUnavailable("503")] * 3), sleeps) == "done"
    assert sleeps == [1.0, 2.0, 3.0]


async def test_the_last_error_is_raised_when_attempts_are_used_up() -> None:
    sleeps = Sleeps()
    with pytest.raises(SourceUnavailable, match="the fourth"):
        await PLAIN.call(failing(*[SourceUnavailable("503")] * 3, SourceUnavailable("the fourth")), sleeps)
    assert len(sleeps) == 3


async def test_refusals_do_not_count_among_the_attempts() -> None:
    sleeps = Sleeps()
    policy = replace(PLAIN, attempts=2, refusals=4)
    refused = [RateLimited("429")] * 3
    assert await policy.call(failing(*refused, SourceUnavailable("503")), sleeps) == "done"
    with pytest.raises(SourceUnavailable, match="the second"):
        await policy.call(failing(*refused, SourceUnavailable("503"), SourceUnavailable("the second")), sleeps)
    with pytest.raises(RateLimited, match="the fourth"):
        await policy.call(failing(*refused, RateLimited("the fourth")), sleeps)


async def test_an_error_of_another_kind_can_be_the_refusal() -> None:
    policy = replace(PLAIN, attempts=2, refusals=3, refusal=KeyError, on=(KeyError, SourceUnavailable))
    raced = [KeyError("lost"), KeyError("lost")]
    assert await policy.call(failing(*raced, SourceUnavailable("503")), Sleeps()) == "done"
    with pytest.raises(KeyError, match="the third"):
        await policy.call(failing(*raced, KeyError("the third")), Sleeps())


async def test_a_failed_attempt_holds_nothing_during_the_wait() -> None:
    attempted: list[ReferenceType[Body]] = []
    alive: list[bool] = []

    async def operation() -> str:
        body = Body()
        attempted.append(ref(body))
        if len(attempted) < 3:
            raise SourceUnavailable("503")
        return "done"

    async def sleep(seconds: float) -> None:
        alive.append(attempted[-1]() is not None)

    assert await PLAIN.call(operation, sleep) == "done"
    assert alive == [False, False]


async def test_without_a_bound_of_their_own_refusals_count_as_attempts() -> None:
    with pytest.raises(RateLimited, match="the fourth"):
        await PLAIN.call(failing(*[RateLimited("429")] * 3, RateLimited("the fourth")), Sleeps())


async def test_retry_after_is_never_undercut() -> None:
    sleeps = Sleeps()
    errors = [RateLimited("429", retry_after=17.0), RateLimited("429", retry_after=0.0)]
    assert await PLAIN.call(failing(*errors), sleeps) == "done"
    assert sleeps == [17.0, 2.0]


async def test_a_retry_after_beyond_the_patience_ends_the_call_at_once() -> None:
    sleeps = Sleeps()
    with pytest.raises(RateLimited):
        await PLAIN.call(failing(RateLimited("429", retry_after=3600.0)), sleeps)
    assert sleeps == []


@pytest.mark.parametrize("error", [ConfigurationError("no"), ImageGone("404"), KeyError("bug")])
async def test_other_errors_are_raised_at_once(error: Exception) -> None:
    sleeps = Sleeps()
    with pytest.raises(type(error)):
        await PLAIN.call(failing(error), sleeps)
    assert sleeps == []


async def test_a_failure_of_the_store_does_not_fetch_the_image_again() -> None:
    sleeps = Sleeps()
    with pytest.raises(StoreUnavailable):
        await IMAGE_RETRIES.call(failing(StoreUnavailable("down")), sleeps)
    assert sleeps == []


@given(st.lists(st.none() | st.floats(0, 60), max_size=3), st.floats(0, 2))
async def test_every_wait_lies_between_its_bounds(asked: list[float | None], jitter: float) -> None:
    sleeps = Sleeps()
    policy = RetryPolicy(attempts=4, first_wait=0.5, longest_wait=30.0, jitter=jitter)
    errors: list[TransientError] = [SourceUnavailable("503", retry_after=seconds) for seconds in asked]
    assert await policy.call(failing(*errors), sleeps) == "done"
    for waited, seconds in zip(sleeps, asked, strict=True):
        assert (seconds or 0.0) <= waited <= max(seconds or 0.0, 30.0 + jitter)
