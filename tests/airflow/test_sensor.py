"""The sensor: what a poke asks and answers, how long it waits, and how it hands over to the triggerer."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from airflow.exceptions import AirflowRescheduleException
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)
from airflow.sdk import timezone
from structlog.testing import capture_logs

from stablecog_provider.airflow.errors import document_of_error
from stablecog_provider.airflow.sensors import StablecogNewOutputsSensor
from stablecog_provider.airflow.triggers import StablecogNewOutputsTrigger
from stablecog_provider.errors import ArchiveDamaged, BucketMissing, RateLimited, SourceUnavailable, StoreUnavailable
from support.airflow_canary import AWS_SECRET, KEY, Connect
from support.airflow_watched import PLACE, Watched


@pytest.fixture(autouse=True)
def connections(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY, extra={"requests_per_second": 2})
    connect("aws_default", conn_type="aws", login="access", password=AWS_SECRET, extra={"region_name": "eu-west-1"})


@pytest.fixture
def watched() -> Watched:
    made = Watched()
    assert asyncio.run(made.scene.run()).outcome == "proven"
    return made


def sensor(watched: Watched, **arguments: Any) -> StablecogNewOutputsSensor:
    class Replaced(StablecogNewOutputsSensor):
        open_watch: ClassVar[Any] = staticmethod(watched.open)

    return Replaced(task_id="wait", **{**PLACE, "deferrable": False, "poke_interval": 60, **arguments})


def context(first: Any = None) -> Any:
    """`first`: when the sensor was rescheduled first."""
    return {"ti": SimpleNamespace(get_first_reschedule_date=lambda _: first)}


# --- a poke ----------------------------------------------------------------------------------------------------------


def test_new_outputs_are_returned(watched: Watched) -> None:
    watched.add_output()
    found = sensor(watched).execute(context())
    assert (found["archive"], found["seen"]) == ("s3://archive/stablecog", 1)
    assert found["watermark"] < found["oldest"]


def test_a_poke_makes_one_request_with_the_connection_s_settings(watched: Watched) -> None:
    assert sensor(watched).poke(context()) is False
    ((source, store, layout),) = watched.given
    assert (source.api_key, source.requests_per_second, source.attempts) == (KEY, 2, 1)
    assert store.region == "eu-west-1"
    assert str(layout) == "s3://archive/stablecog"
    assert [source.requests for source in watched.sources] == [1]


@pytest.mark.parametrize(
    ("failure", "seconds"),
    [
        (RateLimited("429", retry_after=700.0), 700.0),
        (RateLimited("429", retry_after=7.0), 60.0),
        (SourceUnavailable("503"), 60.0),
        (StoreUnavailable("no answer"), 60.0),
    ],
    ids=str,
)
def test_a_source_that_refuses_or_is_down_is_waited_for(watched: Watched, failure: Exception, seconds: float) -> None:
    watched.failures = [failure]
    made = sensor(watched, mode="reschedule")
    with capture_logs() as lines, pytest.raises(AirflowRescheduleException) as caught:
        made.execute(context())
    wait = (caught.value.reschedule_date - timezone.utcnow()).total_seconds()
    assert seconds - 30 < wait <= seconds
    assert made._get_next_poke_interval(0.0, lambda: 0.0, 1) == seconds
    assert [line["log_level"] for line in lines if str(failure).partition(" ->")[0] in line["event"]] == ["warning"]


def test_the_wait_that_was_asked_for_is_over_with_the_next_answer(watched: Watched) -> None:
    watched.failures = [RateLimited("429", retry_after=700.0)]
    made = sensor(watched)
    assert made.poke(context()) is made.poke(context()) is False
    assert made._get_next_poke_interval(0.0, lambda: 0.0, 1) == 60.0


def test_a_source_that_stays_down_fails_at_the_timeout(watched: Watched) -> None:
    watched.failures = [SourceUnavailable("503")]
    long_ago = timezone.utcnow() - timedelta(hours=2)
    with pytest.raises(AirflowSensorTimeout):
        sensor(watched, mode="reschedule", timeout=3600).execute(context(long_ago))


@pytest.mark.parametrize("failure", [BucketMissing("no bucket", hint="create it"), ArchiveDamaged("no checkpoint")])
@pytest.mark.parametrize("deferrable", [False, True])
def test_what_no_wait_changes_fails_at_once(watched: Watched, failure: Exception, deferrable: bool) -> None:
    watched.failures = [failure]
    with pytest.raises(AirflowFailException) as caught:
        sensor(watched, deferrable=deferrable).execute(context())
    assert str(caught.value) == str(failure)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_sensor_that_may_fail_softly_is_skipped(watched: Watched, deferrable: bool) -> None:
    watched.failures = [BucketMissing("no bucket")]
    with pytest.raises(AirflowSkipException):
        sensor(watched, deferrable=deferrable, soft_fail=True).execute(context())


def test_on_kill_stops_the_poke_and_is_no_reason_to_wait(watched: Watched) -> None:
    made = sensor(watched)
    before = signal.signal(signal.SIGTERM, lambda *_: made.on_kill())
    watched.before_look = lambda: os.kill(os.getpid(), signal.SIGTERM)
    watched.scene.store.before = _forever
    try:
        with pytest.raises(AirflowException, match="Airflow stopped the task"):
            made.poke(context())
    finally:
        signal.signal(signal.SIGTERM, before)


async def _forever(_: object) -> None:
    await asyncio.Event().wait()


# --- deferred --------------------------------------------------------------------------------------------------------


def test_it_defers_only_if_there_is_nothing_yet(watched: Watched) -> None:
    watched.add_output()
    assert sensor(watched, deferrable=True).execute(context())["seen"] == 1


def test_the_triggerer_gets_names_and_when_to_look_next(watched: Watched) -> None:
    watched.failures = [RateLimited("429", retry_after=700.0)]
    made = sensor(watched, deferrable=True, timeout=3600)
    before = timezone.utcnow().timestamp()
    with pytest.raises(TaskDeferred) as caught:
        made.execute(context())
    deferred = caught.value
    assert isinstance(deferred.trigger, StablecogNewOutputsTrigger)
    _, arguments = deferred.trigger.serialize()
    assert before + 700 <= arguments.pop("not_before") <= timezone.utcnow().timestamp() + 700
    names = {"stablecog_conn_id": "stablecog_default", "aws_conn_id": "aws_default", "poke_interval": 60.0}
    assert arguments == {**PLACE, **names}
    assert (deferred.method_name, deferred.timeout) == ("execute_complete", timedelta(seconds=3600))


def test_what_the_trigger_found_is_returned(watched: Watched) -> None:
    found = {"archive": "s3://archive/stablecog", "watermark": None, "seen": 3, "oldest": "2026-01-01T00:00:00Z"}
    assert sensor(watched).execute_complete(context(), {"found": found}) == found


def test_the_error_of_the_trigger_is_raised_as_in_the_worker(watched: Watched) -> None:
    error = BucketMissing("no bucket", hint="create it")
    with capture_logs() as lines, pytest.raises(AirflowFailException) as caught:
        sensor(watched).execute_complete(context(), {"error": document_of_error(error)})
    assert str(caught.value) == str(error)
    assert [line["event"] for line in lines] == ["no bucket", "What to do: create it"]


def test_deferring_is_airflow_s_default_for_all_operators() -> None:
    assert StablecogNewOutputsSensor(task_id="wait", bucket="bucket").deferrable is False
