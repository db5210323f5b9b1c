"""When to try again, how long to wait, when to give up. Nobody sleeps: the waits are recorded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.archive.resilience.retry import IMAGE_RETRIES, RetryPolicy, http_date, retry_after_seconds
from stablecog_provider.errors import (
    ConfigurationError,
    ImageGone,
    RateLimited,
    SourceUnavailable,
    StoreUnavailable,
    TransientError,
)

PLAIN = RetryPolicy(attempts=4, first_wait=1.0, longest_wait=3.0, jitter=0.0)


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


async def test_what_works_is_not_waited_for() -> None:
    sleeps = Sleeps()
    assert await PLAIN.call(failing(), sleeps) == "done"
    assert sleeps == []


async def test_a_lambda_that_gives_an_awaitable_is_awaited_and_tried_again() -> None:
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


async def test_where_nothing_is_said_of_refusals_they_count_as_any_other() -> None:
    with pytest.raises(RateLimited, match="the fourth"):
        await PLAIN.call(failing(*[RateLimited("429")] * 3, RateLimited("the fourth")), Sleeps())


async def test_retry_after_is_never_undercut() -> None:
    sleeps = Sleeps()
    errors = [RateLimited("429", retry_after=17.0), RateLimited("429", retry_after=0.0)]
    assert await PLAIN.call(failing(*errors), sleeps) == "done"
    assert sleeps == [17.0, 2.0]


async def test_a_retry_after_beyond_our_patience_ends_the_matter_at_once() -> None:
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


async def test_trouble_of_the_store_is_no_reason_to_fetch_an_image_again() -> None:
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


NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("12", 12.0),
        (" 0 ", 0.0),
        ("Sat, 21 Nov 2026 08:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 07:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 08:01:00 -0000", 60.0),
        ("9" * 400, 999999999.0),
    ],
)
def test_the_retry_after_header(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@given(st.text())
def test_no_header_breaks_us(header: str) -> None:
    assert (retry_after_seconds(header, NOW) or 0.0) >= 0.0
    instant = http_date(header)
    assert instant is None or instant.tzinfo is UTC
