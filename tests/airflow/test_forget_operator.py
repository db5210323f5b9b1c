"""The operator lists without `yes`, forgets with it, and fails for good if a retry cannot help."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from stablecog_provider.airflow.operators import StablecogForgetOperator
from stablecog_provider.archive.forget import ForgetSettings
from stablecog_provider.archive.forgetting.ports import ForgetPorts
from support.forgotten import archived_with_secrets, everything, found_in, traces_of
from support.readme import block
from support.scene import LAYOUT, Scene

# Airflow wraps the method; the signature is the original's.
ARGUMENTS = inspect.signature(StablecogForgetOperator.__init__).parameters


def operator(scene: Scene, **arguments: Any) -> StablecogForgetOperator:
    made = StablecogForgetOperator(
        task_id="forget", bucket=LAYOUT.bucket, prefix=LAYOUT.prefix, aws_conn_id=None, **arguments
    )

    @asynccontextmanager
    async def opened(*_: object) -> AsyncIterator[ForgetPorts]:
        yield scene.forget_ports()

    made.open_erasable = opened  # type: ignore[misc]
    return made


@pytest.fixture
async def scene() -> Scene:
    return await archived_with_secrets()


def test_every_setting_is_an_argument_with_its_default() -> None:
    for field in fields(ForgetSettings):
        if field.name != "layout":
            assert ARGUMENTS[field.name].default == field.default
    documented = re.findall(r":param (\w+):", StablecogForgetOperator.__doc__ or "")
    assert documented == [name for name in ARGUMENTS if name not in ("self", "kwargs")]
    for name in StablecogForgetOperator.template_fields:
        assert re.search(rf":param {name}:[^:]*\(templated\)", StablecogForgetOperator.__doc__ or "")


def test_a_deletion_without_an_age_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(ValueError, match="older_than"):
        StablecogForgetOperator(task_id="forget", bucket="b", deleted_at_source=True)
    StablecogForgetOperator(task_id="forget", bucket="b", deleted_at_source=True, older_than=timedelta(days=90))


async def test_with_yes_it_forgets(scene: Scene) -> None:
    rows = [*(await scene.rows()).values()][:1]
    gone = [row for row in (await scene.rows()).values() if row.output_id == rows[0].output_id]

    def both() -> tuple[dict[str, Any], dict[str, Any]]:
        listed = operator(scene, id=[rows[0].output_id]).execute({})
        return listed, operator(scene, id=rows[0].output_id, yes="true").execute({})

    listed, done = await asyncio.to_thread(both)
    assert (listed["outcome"], done["outcome"], done["outputs"]) == ("would forget", "forgotten", 1)
    assert found_in(everything(scene.store), traces_of(gone)) == []


async def test_more_than_a_tenth_fails_without_a_retry(scene: Scene) -> None:
    with pytest.raises(AirflowFailException, match="more than 10 %"):
        await asyncio.to_thread(operator(scene, where="true", yes=True).execute, {})


def test_the_dag_of_the_page_is_one() -> None:
    names: dict[str, Any] = {}
    exec(block("forget-dag"), names)  # noqa: S102 - a snippet of our own page
    assert names["DAG"].__name__ == "DAG"
