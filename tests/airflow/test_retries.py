"""How Airflow goes on after a failed try: wait as long as the other side asked, or fail at once."""

from __future__ import annotations

import pickle
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock, call

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from structlog.testing import capture_logs

from stablecog_provider.airflow.errors import RetryLater, as_airflow, log_failure
from stablecog_provider.airflow.operators import StablecogToS3Operator
from stablecog_provider.airflow.retries import LONGEST_IN_SLOT, default_policy, wait_in_slot
from stablecog_provider.errors import BucketMissing, ConfigurationError, RateLimited, SourceUnavailable

MINUTE = timedelta(minutes=1)
LIMITED = RateLimited("the source answered 429", retry_after=700.0)


def test_wrong_settings_fail_at_once_whatever_the_policy() -> None:
    assert isinstance(as_airflow(BucketMissing("no bucket")), AirflowFailException)


def test_a_version_without_policies_gets_none() -> None:
    assert default_policy(has_policies=False) is None


@pytest.mark.parametrize(
    ("exception", "is_last", "has_policies", "seconds"),
    [
        (as_airflow(LIMITED), False, False, 640.0),
        (as_airflow(LIMITED), False, True, 0.0),
        (as_airflow(LIMITED), True, False, 0.0),
        (as_airflow(RateLimited("429", retry_after=20.0)), False, False, 0.0),
        (as_airflow(RateLimited("429", retry_after=1e9)), False, False, LONGEST_IN_SLOT),
        (as_airflow(SourceUnavailable("503")), False, False, 0.0),
    ],
    ids=str,
)
def test_a_version_without_policies_waits_for_what_the_delay_of_the_retry_does_not_cover(
    exception: BaseException, is_last: bool, has_policies: bool, seconds: float
) -> None:
    assert wait_in_slot(exception, MINUTE, is_last=is_last, has_policies=has_policies) == seconds


def test_the_exception_can_be_sent_to_another_process() -> None:
    sent = pickle.loads(pickle.dumps(as_airflow(LIMITED)))  # noqa: S301 (it is its own)
    assert isinstance(sent, RetryLater)
    assert (str(sent), sent.retry_after) == (str(LIMITED), 700.0)


# --- what the log ends with ------------------------------------------------------------------------------------------


def failed(error: Exception) -> list[dict[str, Any]]:
    operator = StablecogToS3Operator(task_id="archive", bucket="bucket")
    with capture_logs() as lines:
        operator.failure(error, {"ti": SimpleNamespace(try_number=1, max_tries=4)})  # type: ignore[arg-type,typeddict-item]
    return [dict(line) for line in lines if line["log_level"] == "error"]


def test_the_log_ends_with_what_is_wrong_and_what_to_do() -> None:
    lines = failed(ConfigurationError("the bucket is missing", hint="create it"))
    assert [line["event"] for line in lines] == ["the bucket is missing", "What to do: create it"]
    assert not any("exc_info" in line for line in lines)


def test_the_lines_fit_a_screen_and_the_exception_has_the_whole_text() -> None:
    error = ConfigurationError("the thing " * 100, hint="a step\n" * 100)
    lines = failed(error)
    assert len(lines) == 2
    assert all(len(line["event"]) <= 260 and "\n" not in line["event"] for line in lines)
    assert str(as_airflow(error)) == str(error)


def test_debug_keeps_the_traceback() -> None:
    log, error = Mock(), ConfigurationError("the bucket is missing")
    log_failure(error, log)
    assert log.mock_calls == [
        call.debug("Where it failed:", exc_info=error),
        call.error("%s", "the bucket is missing"),
    ]


def test_an_error_of_a_task_has_no_traceback_of_ours() -> None:
    class Failing(StablecogToS3Operator):
        def _run(self, *_: Any) -> Any:
            raise SourceUnavailable("no answer")

    operator = Failing(task_id="archive", bucket="bucket")
    with pytest.raises(AirflowException) as caught:
        operator.execute({"ti": SimpleNamespace()})  # type: ignore[typeddict-item]
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    ours = [frame for frame in caught.traceback if "stablecog_provider" in str(frame.path)]
    assert [frame.name for frame in ours] == ["execute", "_execute"]
