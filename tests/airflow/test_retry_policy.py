"""The policy that waits as long as the other side asked. Airflow has policies since 3.3."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from stablecog_provider.airflow.errors import as_airflow
from stablecog_provider.airflow.operators import StablecogToS3Operator
from stablecog_provider.airflow.versions import HAS_RETRY_POLICIES
from stablecog_provider.errors import ProofDiffers, RateLimited, SourceUnavailable

if not HAS_RETRY_POLICIES:
    pytest.skip("this version of Airflow has no retry policies", allow_module_level=True)

from airflow.sdk import RetryAction

from stablecog_provider.airflow.retries import WaitAsTold

TASK = {"task": SimpleNamespace(retry_delay=timedelta(minutes=1))}
LIMITED = RateLimited("the source answered 429", retry_after=700.0)


@pytest.mark.parametrize(
    ("exception", "delay"),
    [
        (as_airflow(LIMITED), timedelta(seconds=700)),
        (as_airflow(RateLimited("429", retry_after=20.0)), None),
        (as_airflow(RateLimited("429")), None),
        (as_airflow(SourceUnavailable("503", retry_after=90.0)), timedelta(seconds=90)),
        (as_airflow(ProofDiffers("counts differ")), None),
        (ZeroDivisionError(), None),
    ],
    ids=str,
)
def test_a_retry_waits_as_told_if_that_is_longer_than_its_own_delay(
    exception: BaseException, delay: timedelta | None
) -> None:
    decision = WaitAsTold().evaluate(exception, 1, 4, TASK)
    assert decision.retry_delay == delay
    assert decision.action is (RetryAction.RETRY if delay else RetryAction.DEFAULT)


def test_without_a_context_the_retry_waits_as_told() -> None:
    assert WaitAsTold().evaluate(as_airflow(LIMITED), 1, 4).retry_delay == timedelta(seconds=700)


def test_every_operator_has_the_policy_unless_it_is_given_another() -> None:
    class Own(WaitAsTold):
        pass

    assert isinstance(StablecogToS3Operator(task_id="a", bucket="bucket").retry_policy, WaitAsTold)
    assert isinstance(StablecogToS3Operator(task_id="b", bucket="bucket", retry_policy=Own()).retry_policy, Own)


def test_the_policy_survives_serialization() -> None:
    assert isinstance(WaitAsTold.deserialize(WaitAsTold().serialize()), WaitAsTold)
