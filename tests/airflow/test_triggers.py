"""The triggers that wait for new outputs, run as the triggerer runs them: on an event loop that they must not block."""

from __future__ import annotations

import asyncio
import importlib
import json
import threading
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any, ClassVar

import pytest
from airflow.triggers.base import BaseEventTrigger

from stablecog_provider.airflow.errors import document_of_error, error_of
from stablecog_provider.airflow.triggers import StablecogNewOutputsTrigger, StablecogNewOutputsWatcher
from stablecog_provider.errors import (
    ArchiveError,
    BucketMissing,
    FatalError,
    RateLimited,
    SourceUnavailable,
    StoreUnavailable,
)
from support.airflow_canary import AWS_SECRET, KEY, Connect
from support.airflow_watched import PLACE, Watched


@pytest.fixture(autouse=True)
def connections(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    connect("aws_default", conn_type="aws", login="access", password=AWS_SECRET, extra={"region_name": "eu-west-1"})


class Time:
    """A clock that only sleeping advances. `on_sleep`: called before each sleep, one for each."""

    def __init__(self) -> None:
        self.at, self.slept, self.on_sleep = 1000.0, list[float](), list[Any]()

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds
        if self.on_sleep and (found := self.on_sleep.pop(0)):
            await found()


@pytest.fixture
async def watched() -> Watched:
    made = Watched()
    assert (await made.scene.run()).outcome == "proven"
    return made


@pytest.fixture
def time() -> Time:
    return Time()


def trigger(watched: Watched, time: Time, kind: type = StablecogNewOutputsTrigger, **arguments: Any) -> Any:
    class Replaced(kind):  # type: ignore[misc]
        open_watch: ClassVar[Any] = staticmethod(watched.open)
        now: ClassVar[Any] = staticmethod(time.now)
        sleep: ClassVar[Any] = staticmethod(time.sleep)

    return Replaced(**PLACE, poke_interval=60.0, **arguments)


async def first(made: Any) -> Any:
    events: AsyncIterator[Any] = made.run()
    payload = (await anext(events)).payload
    assert json.loads(json.dumps(payload)) == payload
    assert await anext(events, None) is None, "it must end after its event"
    return payload


# --- what the triggerer stores ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "own"), [(StablecogNewOutputsTrigger, "not_before"), (StablecogNewOutputsWatcher, "repeat_after")]
)
def test_a_restarted_triggerer_makes_the_same_trigger_from_names_and_numbers(kind: Any, own: str) -> None:
    made = kind("bucket", "prefix", "ours", None, 30.0, **{own: 7.0})
    path, arguments = made.serialize()
    assert arguments == {
        "bucket": "bucket", "prefix": "prefix", "stablecog_conn_id": "ours", "aws_conn_id": None, "poke_interval": 30.0, own: 7.0,
    }  # fmt: skip
    module, _, name = path.rpartition(".")
    again = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments)))
    assert type(again) is kind
    assert again.serialize() == (path, arguments)


def test_an_asset_watcher_takes_the_watcher() -> None:
    from airflow.sdk import AssetWatcher

    watcher = StablecogNewOutputsWatcher("bucket")
    assert isinstance(watcher, BaseEventTrigger)
    assert AssetWatcher(name="new", trigger=watcher).trigger is watcher
    assert BaseEventTrigger.hash(*watcher.serialize()) == BaseEventTrigger.hash(
        *StablecogNewOutputsWatcher("bucket").serialize()
    )


# --- the trigger of the sensor ---------------------------------------------------------------------------------------


async def test_it_fires_once_when_something_is_new(watched: Watched, time: Time) -> None:
    async def add() -> None:
        watched.add_output()

    time.on_sleep = [None, None, add]
    payload = await first(trigger(watched, time))
    assert payload["found"]["seen"] == 1
    assert time.slept == [0.0, 60.0, 60.0]
    assert [source.requests for source in watched.sources] == [1, 1, 1]
    assert {settings.attempts for settings, _, _ in watched.given} == {1}


async def test_what_is_archived_in_the_meantime_is_no_longer_new(watched: Watched, time: Time) -> None:
    async def archived() -> None:
        watched.add_output()
        await watched.scene.run()

    async def add() -> None:
        watched.add_output()

    time.on_sleep = [archived, add]
    await first(trigger(watched, time))
    assert time.slept == [0.0, 60.0]


async def test_it_waits_before_the_first_look(watched: Watched, time: Time) -> None:
    watched.add_output()
    await first(trigger(watched, time, not_before=1090.0))
    assert time.slept == [90.0]


async def test_it_waits_as_long_as_the_source_asks_and_while_it_is_down(watched: Watched, time: Time) -> None:
    watched.add_output()
    watched.failures = [
        RateLimited("429", retry_after=700.0),
        RateLimited("429", retry_after=7.0),
        SourceUnavailable("503"),
        StoreUnavailable("no answer"),
    ]
    assert (await first(trigger(watched, time)))["found"]["seen"] == 1
    assert time.slept == [0.0, 700.0, 60.0, 60.0, 60.0]


async def test_what_no_wait_changes_is_the_event(watched: Watched, time: Time) -> None:
    watched.failures = [BucketMissing("no bucket", hint="create it")]
    payload = await first(trigger(watched, time))
    assert payload == {
        "error": {"kind": "BucketMissing", "message": "no bucket", "hint": "create it", "retry_after": None}
    }


async def test_a_missing_connection_is_the_event(watched: Watched, time: Time) -> None:
    payload = await first(trigger(watched, time, stablecog_conn_id="nowhere"))
    assert "'nowhere' does not exist" in payload["error"]["message"]
    assert watched.given == []


async def test_a_look_that_blocks_does_not_block_the_event_loop(watched: Watched, time: Time) -> None:
    watched.add_output()
    is_blocked, go_on, unblocked = threading.Event(), threading.Event(), list[bool]()

    def block() -> None:
        is_blocked.set()
        unblocked.append(go_on.wait(30))

    watched.before_look = block
    event = asyncio.create_task(first(trigger(watched, time)))
    await asyncio.to_thread(is_blocked.wait, 30)
    go_on.set()
    assert (await event)["found"]["seen"] == 1
    assert unblocked == [True]


async def test_a_trigger_that_is_cancelled_stops_its_look(watched: Watched, time: Time) -> None:
    is_under_way, ended = threading.Event(), threading.Event()

    class Hanging(Watched):
        def open(self, *settings: Any) -> Any:
            return self

        async def __aenter__(self) -> None:
            is_under_way.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        async def __aexit__(self, *_: object) -> None:
            return None

    running = asyncio.create_task(first(trigger(Hanging(), time)))
    assert await asyncio.to_thread(is_under_way.wait, 30)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await asyncio.to_thread(ended.wait, 30)


@pytest.mark.parametrize(
    "error",
    [
        BucketMissing("no bucket", hint="create it"),
        FatalError("contradiction"),
        RateLimited("429", retry_after=3.0),
        ArchiveError("any"),
    ],
    ids=str,
)
def test_an_error_survives_the_way_through_an_event(error: ArchiveError) -> None:
    again = error_of(json.loads(json.dumps(document_of_error(error))))
    assert (type(again), str(again)) == (type(error), str(error))
    assert getattr(again, "retry_after", None) == getattr(error, "retry_after", None)


# --- the watcher of an asset -----------------------------------------------------------------------------------------


async def test_it_fires_once_per_watermark_and_again_if_that_does_not_move(watched: Watched, time: Time) -> None:
    """Two new outputs at different times, and a run in between; after the second event, no run succeeds."""

    async def add() -> None:
        watched.add_output()

    async def archived() -> None:
        await watched.scene.run()
        watched.add_output()

    time.on_sleep = [add, None, add, None, archived]
    events = trigger(watched, time, StablecogNewOutputsWatcher, repeat_after=600.0).run()
    before = [time.now()]
    fired = []
    for _ in range(3):
        fired.append((await anext(events)).payload)
        before.append(time.now())
    watermarks = [each["watermark"] for each in fired]
    assert watermarks[0] < watermarks[1] == watermarks[2]
    # The first sleep shows the first output; the fifth follows a run. Then it is silent for as long as it was told.
    assert [after - since for since, after in pairwise(before)] == [60.0, 240.0, 600.0]


async def test_no_error_ends_it(watched: Watched, time: Time) -> None:
    watched.add_output()
    watched.failures = [BucketMissing("no bucket"), FatalError("damaged"), RateLimited("429", retry_after=99.0)]
    events = trigger(watched, time, StablecogNewOutputsWatcher).run()
    assert (await anext(events)).payload["seen"] == 1
    assert time.slept == [60.0, 60.0, 99.0]
