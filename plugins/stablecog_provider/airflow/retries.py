"""Which failed tries Airflow repeats, and when: a rate limit is waited for as long as the other side asked.

Wrong settings need no rule here: they are an AirflowFailException, which every version of Airflow fails at once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .errors import RetryLater
from .versions import HAS_RETRY_POLICIES

LONGEST_IN_SLOT = 3600.0
"""Seconds that a version of Airflow without policies may hold the worker slot, for a retry that would otherwise be refused."""


if TYPE_CHECKING or HAS_RETRY_POLICIES:
    from .versions import RetryDecision, RetryPolicy

    class WaitAsTold(RetryPolicy):
        """Delays the retry after a `RetryLater` as long as it says, if that is longer than the task's `retry_delay`.

        Airflow's ExceptionRetryPolicy has one delay per class of exception; this delay is different each time.
        """

        def evaluate(
            self, exception: BaseException, try_number: int, max_tries: int, context: Any = None
        ) -> RetryDecision:
            """Return the retry with its delay; Airflow's default for any other exception."""
            delay = context["task"].retry_delay if context else timedelta(0)
            if isinstance(exception, RetryLater) and exception.retry_after > delay.total_seconds():
                asked = timedelta(seconds=exception.retry_after)
                return RetryDecision.retry(asked, f"the other side asked to wait {exception.retry_after:.0f} s")
            return RetryDecision.default()

        def serialize(self) -> dict[str, Any]:
            """Return all there is to say: the class has no settings."""
            return {"__type": type(self).__name__}

        @classmethod
        def deserialize(cls, data: dict[str, Any]) -> WaitAsTold:
            """Return the policy."""
            return cls()


def default_policy(*, has_policies: bool = HAS_RETRY_POLICIES) -> Any:
    """Return the policy of our operators; None on a version without policies."""
    return WaitAsTold() if has_policies else None


def wait_in_slot(
    error: BaseException, retry_delay: timedelta, *, is_last: bool, has_policies: bool = HAS_RETRY_POLICIES
) -> float:
    """Return how many seconds a task waits before it fails: on a version without policies, what `retry_delay` does not cover.

    `is_last`: no try is left.
    """
    if has_policies or is_last or not isinstance(error, RetryLater):
        return 0.0
    return min(max(0.0, error.retry_after - retry_delay.total_seconds()), LONGEST_IN_SLOT)
