"""A run that Airflow stops: by the signal of `on_kill`, and by the exception of `execution_timeout`."""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import TimeoutPosix

from dev.local.s3_server import S3Server
from stablecog_provider.airflow.operators import StablecogToS3Operator
from stablecog_provider.airflow.running import StoppableRun, Stopped
from stablecog_provider.simulator.faults import Fault, Faults, Manner
from stablecog_provider.simulator.server import Simulator
from support.airflow_canary import OUTPUTS
from support.airflow_recorded import Pushed

SETTING = contextvars.ContextVar("SETTING", default="unset")


class Hanging:
    """A run that never ends by itself. It strikes when it is under way, and notes how it ended."""

    def __init__(self, strike: Callable[[], None]) -> None:
        self.strike, self.ended_by = strike, ""

    async def __call__(self) -> None:
        self.strike()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.ended_by = "cancel"
            raise


class Busy(Hanging):
    """One whose loop always runs a callback, so that a signal would strike inside of one."""

    async def __call__(self) -> None:
        loop = asyncio.get_running_loop()

        def spin() -> None:
            loop.call_soon(spin)

        spin()
        await super().__call__()


def send(number: signal.Signals) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


@pytest.fixture
def on_term() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Sets what SIGTERM does, as Airflow does for a task."""
    before = signal.getsignal(signal.SIGTERM)

    def define(react: Callable[[], None]) -> None:
        signal.signal(signal.SIGTERM, lambda *_: react())

    yield define
    signal.signal(signal.SIGTERM, before)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "stablecog-run"]


# --- a run -----------------------------------------------------------------------------------------------------------


def test_a_run_returns_what_its_coroutine_returns_and_sees_the_context() -> None:
    async def main() -> str:
        return SETTING.get()

    SETTING.set("set")
    assert StoppableRun(main).result() == "set"
    assert threads() == []


def test_a_run_raises_what_its_coroutine_raises() -> None:
    async def main() -> None:
        raise ZeroDivisionError("its own")

    with pytest.raises(ZeroDivisionError, match="its own"):
        StoppableRun(main).result()


def test_a_coroutine_that_cancels_itself_was_not_stopped() -> None:
    async def main() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        StoppableRun(main).result()


@pytest.mark.parametrize("kind", [Hanging, Busy])
def test_a_signal_handler_stops_a_run(kind: type[Hanging], on_term: Callable[[Callable[[], None]], None]) -> None:
    main = kind(send(signal.SIGTERM))
    run = StoppableRun(main)
    on_term(run.stop)
    with pytest.raises(Stopped, match="Airflow stopped the task"):
        run.result()
    assert main.ended_by == "cancel"
    assert threads() == []


def test_a_signal_that_another_thread_received_stops_a_run(on_term: Callable[[Callable[[], None]], None]) -> None:
    """The system chooses the thread. If it is not the main thread, nothing ends its wait, and Python runs no handler."""

    def strike() -> None:
        waiting = threading.main_thread().ident
        while waiting and sys._current_frames()[waiting].f_code is not threading.Condition.wait.__code__:
            os.sched_yield()
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    main = Hanging(strike)
    run = StoppableRun(main)
    on_term(run.stop)
    with pytest.raises(Stopped):
        run.result()
    assert main.ended_by == "cancel"


@pytest.mark.parametrize("kind", [Hanging, Busy])
def test_an_exception_of_a_signal_handler_stops_a_run_and_is_raised(kind: type[Hanging]) -> None:
    main = kind(send(signal.SIGALRM))
    with pytest.raises(AirflowTaskTimeout), TimeoutPosix(seconds=3600):
        StoppableRun(main).result()
    assert main.ended_by == "cancel"


def test_a_run_that_is_stopped_before_it_starts_does_nothing() -> None:
    main = Hanging(lambda: pytest.fail("it ran"))
    run = StoppableRun(main)
    run.stop()
    with pytest.raises(Stopped):
        run.result()


def test_stopping_what_has_ended_changes_nothing() -> None:
    async def main() -> int:
        return 7

    run = StoppableRun(main)
    assert run.result() == 7
    run.stop()


# --- a copy in progress ----------------------------------------------------------------------------------------------


class Striking(Faults):
    """Sends this process a signal as soon as one image is being copied and stalls."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__()
        self.on_image(self.any_image, Fault(Manner.STALLED))
        self.number = number

    def strike_image(self, file_name: str) -> Fault | None:
        if fault := super().strike_image(file_name):
            os.kill(os.getpid(), self.number)
        return fault


def operator(prefix: str) -> StablecogToS3Operator:
    return StablecogToS3Operator(task_id="archive", bucket="archive", prefix=prefix)


def images(server: S3Server, prefix: str) -> set[str]:
    listed = server.client().list_objects_v2(Bucket="archive", Prefix=f"{prefix}/images/").get("Contents", [])
    return {each["Key"] for each in listed}


def outcomes(server: S3Server, prefix: str) -> list[str]:
    client = server.client()
    listed = client.list_objects_v2(Bucket="archive", Prefix=f"{prefix}/runs/")["Contents"]
    return [json.load(client.get_object(Bucket="archive", Key=each["Key"])["Body"])["outcome"] for each in listed]


def assert_nothing_is_lost(server: S3Server, simulator: Simulator, prefix: str, context: Any) -> None:
    """The stopped run has left a report and no thread; the next one archives what it left."""
    assert simulator.requests.images >= 1
    assert threads() == []
    assert outcomes(server, prefix) == ["interrupted"]
    stored = images(server, prefix)
    simulator.scene.faults = Faults()
    summary = operator(prefix).execute(context)
    assert images(server, prefix) > stored
    assert (summary["proven"], summary["images"]["archived"]) == (True, len(images(server, prefix)))
    assert summary["images"]["archived"] >= OUTPUTS


@pytest.fixture
def context() -> Any:
    return {"ti": Pushed(), "outlet_events": {}}


def test_on_kill_stops_a_copy_in_progress(
    connected: Callable[..., None],
    simulator: Simulator,
    moto_server: S3Server,
    context: Any,
    on_term: Callable[[Callable[[], None]], None],
) -> None:
    connected()
    task = operator("killed")
    on_term(task.on_kill)
    simulator.scene.faults = Striking(signal.SIGTERM)
    with pytest.raises(AirflowException, match="Airflow stopped the task") as caught:
        task.execute(context)
    assert not isinstance(caught.value, AirflowFailException)
    assert_nothing_is_lost(moto_server, simulator, "killed", context)


def test_execution_timeout_stops_a_copy_in_progress(
    connected: Callable[..., None], simulator: Simulator, moto_server: S3Server, context: Any
) -> None:
    connected()
    task = operator("late")
    simulator.scene.faults = Striking(signal.SIGALRM)
    with pytest.raises(AirflowTaskTimeout), TimeoutPosix(seconds=3600):
        task.execute(context)
    # Airflow's own next step.
    task.on_kill()
    assert_nothing_is_lost(moto_server, simulator, "late", context)
