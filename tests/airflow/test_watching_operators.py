"""The operators that refresh an archive and check its state, and the weekly Dag."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import timedelta
from typing import Any, ClassVar

import boto3
import pytest
from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk import BaseOperator

from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.adapters.settings import StoreSettings
from stablecog_provider.airflow.operators import StablecogRefreshOperator, StablecogStatusOperator
from stablecog_provider.airflow.operators import refresh as refresh_module
from stablecog_provider.airflow.operators import status as status_module
from stablecog_provider.archive.ports import Ports
from stablecog_provider.archive.refresh import RefreshSettings
from support.scene import LAYOUT, Scene
from support.worlds import DAY, a_world


class Instance:
    """Stands in for the task instance: keeps what is pushed."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture(autouse=True)
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (refresh_module, status_module):
        monkeypatch.setattr(
            module, "store_settings", lambda _: StoreSettings(session=boto3.Session("access", "secret"))
        )
    monkeypatch.setattr(refresh_module, "source_settings", lambda _: None)


async def archived() -> Scene:
    scene = Scene(a_world(60))
    await scene.run()
    scene.clock.advance(DAY)
    return scene


class Refreshing(StablecogRefreshOperator):
    scene: ClassVar[Scene]

    @staticmethod
    @asynccontextmanager
    async def open_ports(*_: object) -> AsyncIterator[Ports]:
        yield Refreshing.scene.ports()


class Checking(StablecogStatusOperator):
    store: ClassVar[MemoryObjectStore]

    @staticmethod
    @asynccontextmanager
    async def open_store(*_: object) -> AsyncIterator[MemoryObjectStore]:
        yield Checking.store


def made(kind: type[BaseOperator], **arguments: Any) -> Any:
    return kind(task_id="t", bucket=LAYOUT.bucket, prefix=LAYOUT.prefix, **arguments)


def execute(task: BaseOperator) -> tuple[Any, Instance]:
    instance = Instance()
    return task.execute({"ti": instance}), instance  # type: ignore[typeddict-item]


def test_a_refresh_returns_its_summary() -> None:
    Refreshing.scene = asyncio.run(archived())
    summary, _ = execute(made(Refreshing, budget=""))
    assert (summary["kind"], summary["outcome"], summary["new"]) == ("refresh", "proven", 0)
    assert summary["coverage"]["never"] == 0


def test_a_status_that_is_too_old_fails_and_says_why() -> None:
    Checking.store = asyncio.run(archived()).store
    # The account lies in the simulator's past, or future; a lag of 200 years accepts both.
    summary, _ = execute(made(Checking, max_lag=timedelta(days=73000)))
    assert summary["outcome"] == "proven"
    instance = Instance()
    with pytest.raises(AirflowException, match="proven, and a limit is broken"):
        made(Checking, max_unverified=timedelta(microseconds=1)).execute({"ti": instance})
    assert "--max-unverified" in instance.pushed["return_value"]["broken"][0]


@pytest.mark.parametrize("kind", [StablecogRefreshOperator, StablecogStatusOperator])
def test_every_argument_is_documented(kind: type[BaseOperator]) -> None:
    arguments = [name for name in inspect.signature(kind.__init__).parameters if name not in ("self", "kwargs")]
    assert re.findall(r":param (\w+):", kind.__doc__ or "") == arguments
    for name in kind.template_fields:
        assert re.search(rf":param {name}:[^:]*\(templated\)", kind.__doc__ or "")


def test_every_setting_of_a_refresh_is_an_argument_with_its_default() -> None:
    arguments = inspect.signature(StablecogRefreshOperator.__init__).parameters
    for field in fields(RefreshSettings):
        if field.name != "layout":
            assert arguments[field.name].default == field.default


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [(StablecogRefreshOperator, {"within": timedelta(0)}), (StablecogStatusOperator, {"max_lag": timedelta(0)})],
)
def test_a_wrong_setting_fails_when_the_dag_is_parsed(kind: type[BaseOperator], wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="duration"):
        made(kind, **wrong)
