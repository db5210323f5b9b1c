"""An operator that waits for the source in the triggerer: the waiting is elsewhere, and nothing else is different."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, TaskDeferred

from dev.local.s3_server import S3Server
from stablecog_provider.adapters.settings import ATTEMPTS, SourceSettings
from stablecog_provider.airflow import deferral
from stablecog_provider.airflow.errors import RetryLater, document_of_error
from stablecog_provider.airflow.operators import StablecogToS3Operator
from stablecog_provider.airflow.triggers import StablecogSourceTrigger
from stablecog_provider.archive.resilience.retry import SOURCE_RETRIES
from stablecog_provider.errors import ArchiveError, CredentialsRejected, RateLimited, SourceUnavailable
from stablecog_provider.simulator.faults import Fault
from stablecog_provider.simulator.server import Simulator
from stablecog_provider.simulator.world import DEFAULT_KEY
from support.airflow_canary import AWS_SECRET, KEY, Connect
from support.airflow_recorded import Pushed
from support.played_server import Server, api, page, refusal

LIMITED = refusal(429, headers={"Retry-After": "30"})


# --- the trigger -----------------------------------------------------------------------------------------------------


def trigger(server: Server, *, connection: str = "stablecog_default", **arguments: Any) -> Any:
    """The trigger, with a fake server and a clock that only sleeping advances."""

    class Replaced(StablecogSourceTrigger):
        given: ClassVar[list[SourceSettings]] = []
        sleep: ClassVar[Any] = staticmethod(server.time.sleep)
        now: ClassVar[Any] = staticmethod(server.time)

        @staticmethod
        @asynccontextmanager
        async def open_source(settings: SourceSettings) -> Any:
            Replaced.given.append(settings)
            async with api(server, attempts=settings.attempts, waits_here=settings.waits_here) as source:
                yield source

    return Replaced(
        connection, **{"not_before": 1030.0, "deadline": 1600.0, "made": 1, "left": ATTEMPTS - 1, **arguments}
    )


async def fired(made: Any) -> Any:
    events = [event.payload async for event in made.run()]
    assert json.loads(json.dumps(events)) == events
    (event,) = events
    return event


@pytest.fixture
def key(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)


def test_a_restarted_triggerer_makes_the_same_trigger_from_names_and_numbers() -> None:
    made = StablecogSourceTrigger("ours", 1.0, 2.0, 3, 4)
    path, arguments = made.serialize()
    assert arguments == {"stablecog_conn_id": "ours", "not_before": 1.0, "deadline": 2.0, "made": 3, "left": 4}
    module, _, name = path.rpartition(".")
    again = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments)))
    assert again.serialize() == (path, arguments)


async def test_it_waits_as_told_and_then_asks_once(key: None) -> None:
    server = Server(page())
    assert await fired(trigger(server)) == {"answered": True}
    assert (server.time.slept[0], len(server.asked)) == (30.0, 1)


async def test_after_a_restart_it_does_not_wait_again_for_what_is_over(key: None) -> None:
    server = Server(page())
    server.time.now = 1400.0
    assert await fired(trigger(server)) == {"answered": True}
    assert server.time.slept[0] == 0.0


async def test_it_waits_between_attempts_as_the_source_asks(key: None) -> None:
    server = Server(LIMITED, refusal(503), page())
    made = trigger(server)
    assert await fired(made) == {"answered": True}
    assert server.instants[0] == 1030.0
    assert 30.0 <= server.instants[1] - server.instants[0] < 40.0
    assert 4.0 <= server.instants[2] - server.instants[1] <= 10.0
    assert {(each.attempts, each.waits_here) for each in made.given} == {(1, None)}


async def test_it_makes_no_more_attempts_than_the_operator_would(key: None) -> None:
    server = Server(refusal(503))
    event = await fired(trigger(server))
    assert event["error"]["kind"] == "SourceUnavailable"
    assert len(server.asked) == ATTEMPTS - 1


async def test_it_starts_no_attempt_after_the_deadline(key: None) -> None:
    server = Server(LIMITED)
    event = await fired(trigger(server, deadline=1080.0))
    assert (event["error"]["kind"], event["error"]["retry_after"]) == ("RateLimited", 30.0)
    assert len(server.asked) == 2


async def test_what_is_final_is_not_tried_again(key: None) -> None:
    server = Server(refusal(401))
    assert (await fired(trigger(server)))["error"]["kind"] == "CredentialsRejected"
    assert len(server.asked) == 1


async def test_a_connection_that_is_gone_is_the_event(key: None) -> None:
    event = await fired(trigger(Server(page()), connection="nowhere"))
    assert "'nowhere' does not exist" in event["error"]["message"]


# --- the operator ----------------------------------------------------------------------------------------------------


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wait for the source is one for the triggerer."""
    monkeypatch.setattr("stablecog_provider.airflow.operators.archive.WAITS_HERE", 0.0)
    monkeypatch.setattr(deferral, "WAITS_HERE", 0.0)


def operator(prefix: str, *, deferrable: bool = True) -> StablecogToS3Operator:
    return StablecogToS3Operator(task_id="archive", bucket="archive", prefix=prefix, per_page=3, deferrable=deferrable)


@pytest.fixture
def context() -> Any:
    return {"ti": Pushed(), "outlet_events": {}}


def through(prefix: str, context: Any) -> tuple[Any, int]:
    """Execute and resume, each time with a new operator, as workers do. Returns the summary and the number of deferrals."""
    deferrals, step = 0, operator(prefix).execute
    arguments: dict[str, Any] = {}
    while True:
        try:
            return step(context, **arguments), deferrals
        except TaskDeferred as deferred:
            assert deferrals < 50, "it does not come to an end"
            deferrals += 1
            kept, method = json.dumps([deferred.trigger.serialize(), deferred.kwargs]), deferred.method_name
            assert not any(secret in kept for secret in (DEFAULT_KEY, AWS_SECRET))
            (_, parts), kwargs = json.loads(kept)
        # The source's own answer, without the wait.
        event = asyncio.run(fired(StablecogSourceTrigger(**{**parts, "not_before": 0.0})))
        step, arguments = getattr(operator(prefix), method), {"event": event, **kwargs}


@pytest.mark.parametrize("after", [0, 3, 6])
def test_the_summary_is_that_of_a_run_that_waits_itself(
    after: int,
    at_once: None,
    connected: Callable[..., None],
    simulator: Simulator,
    moto_server: S3Server,
    context: Any,
) -> None:
    connected()
    simulator.faults.on_api(Fault(status=429, after=after))
    one: Any = operator(f"waits-{after}", deferrable=False).execute(context)
    simulator.faults.on_api(Fault(status=429, after=after))
    other, deferrals = through(f"deferred-{after}", context)
    assert deferrals == 1
    same = ("outcome", "proven", "watermark", "new", "copied", "bytes", "failed", "gone", "tombstoned", "images")
    assert {name: other[name] for name in same} == {name: one[name] for name in same}
    # In how many parts the whole is compared depends on what was read last.
    apart = {"checked_at": "", "stretches": 0}
    assert {**other["proof"], **apart} == {**one["proof"], **apart}


def deferred_kwargs(*, answered: bool) -> dict[str, Any]:
    counts = {
        "read": 0, "new": 0, "copied": 0, "bytes": 0, "refreshed": 0, "failed": 0, "gone": 0, "tombstoned": 0,
        "failures": [], "holes": [],
    }  # fmt: skip
    started = "2026-11-21T12:00:00.000000Z"
    earlier = {"started_at": started, "tally": counts, "source_requests": 1, "store_requests": 1}
    return {"earlier": earlier, "answered": answered}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RateLimited("429", retry_after=700.0), RetryLater),
        (SourceUnavailable("503"), AirflowException),
        (CredentialsRejected("401", hint="check the key"), AirflowFailException),
    ],
)
def test_an_error_of_the_trigger_is_raised_as_the_run_would_raise_it(
    error: ArchiveError, kind: type[Exception], context: Any
) -> None:
    event = {"error": document_of_error(error)}
    with pytest.raises(AirflowException) as caught:
        operator("never").resume(context, event, **deferred_kwargs(answered=False))
    assert type(caught.value) is kind
    assert str(caught.value) == str(error)


def test_in_the_middle_of_a_run_the_run_decides_what_a_failed_request_means() -> None:
    event = {"error": document_of_error(RateLimited("429"))}
    earlier, waits_here = deferral.resumed(event, deferred_kwargs(answered=True)["earlier"], answered=True)
    assert (earlier.source_requests, waits_here) == (1, None)
    assert deferral.resumed({"answered": True}, earlier.to_document(), answered=True)[1] == deferral.WAITS_HERE


def test_the_first_waits_are_too_short_to_be_worth_a_deferral() -> None:
    error = SourceUnavailable("503")
    waits = [SOURCE_RETRIES.wait_after(number, error) for number in range(1, ATTEMPTS)]
    assert sum(waits[:2]) < deferral.WAITS_HERE < sum(waits)
