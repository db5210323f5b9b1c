"""The Dags that come with the package: every setting is a param, and none hides that a task failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from dev.local.s3_server import S3Server
from stablecog_provider.archive.rebuild import RebuildSettings
from stablecog_provider.archive.refresh import RefreshSettings
from stablecog_provider.archive.restore import RestoreSettings
from stablecog_provider.archive.run import ArchiveSettings
from stablecog_provider.archive.verify import VerifySettings
from stablecog_provider.simulator.server import Simulator
from stablecog_provider.simulator.world import DEFAULT_KEY
from support.airflow_canary import OUTPUTS
from support.tree import ROOT

# Warnings of Airflow's own, as in test_dag.py.
pytestmark = [
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`"),
]

PLACE = {"bucket", "prefix", "stablecog_conn_id", "aws_conn_id"}
RUN = {each.name for each in fields(ArchiveSettings)} - {"layout", "bytes_in_flight"}
OF_A_FOLDER = {"to_folder", "template", "sidecars", "contact_sheet", "overwrite", "drill"}
SETTINGS = {
    "stablecog_archive_daily": RUN,
    "stablecog_new_outputs": RUN,
    # Its windows have their own bounds, and look back at nothing.
    "stablecog_backfill": RUN - {"start", "end", "lookback"} | {"pieces"},
    "stablecog_rebuild": {each.name for each in fields(RebuildSettings)} - {"layout"},
    "stablecog_restore": {each.name for each in fields(RestoreSettings)} - {"layout"} - OF_A_FOLDER,
    # What several of its tasks have, by a name of its own.
    "stablecog_archive_weekly": {each.name for each in fields(VerifySettings)} - {"layout", "budget"}
    | {f"refresh_{name}" for name in ("within", "budget")}
    | {"allow_unsafe_store"}
    | {"verify_budget", "drill_sample", "max_lag", "max_unverified", "max_unrefreshed"},
}


@pytest.fixture(scope="module")
def bag(airflow_database: None) -> Any:
    from support.airflow_versions import DagBag

    found = DagBag(str(ROOT / "dags"))
    assert found.import_errors == {}
    return found


@pytest.mark.parametrize("dag_id", SETTINGS)
def test_every_setting_is_a_param_that_reaches_its_task(bag: Any, dag_id: str) -> None:
    dag = bag.dags[dag_id]
    assert set(dag.params) == PLACE | SETTINGS[dag_id]
    used = {name for task in dag.tasks for name in _params_in(task)}
    assert set(dag.params) - used == ({"pieces"} if dag_id == "stablecog_backfill" else set())


def _params_in(task: Any) -> set[str]:
    arguments = getattr(task, "partial_kwargs", None) or vars(task)
    texts = [value for name, value in arguments.items() if name in task.template_fields and isinstance(value, str)]
    return {text.split("params.")[1].split()[0] for text in texts if "{{ params." in text}


@pytest.mark.parametrize("dag_id", SETTINGS)
def test_every_dag_has_outlets(bag: Any, dag_id: str) -> None:
    assert any(task.outlets for task in bag.dags[dag_id].tasks)


def test_settings_of_a_refresh_have_their_params() -> None:
    assert {each.name for each in fields(RefreshSettings)} == {
        "layout", "budget", "within", "concurrency", "allow_unsafe_store"
    }  # fmt: skip


def test_params_of_one_run_reach_the_settings(
    bag: Any, connected: Callable[..., None], simulator: Simulator, moto_server: S3Server
) -> None:
    connected()
    # `dag.test` keeps the params of one run for the next.
    place = {"bucket": "archive", "prefix": "params"}
    run = bag.dags["stablecog_archive_daily"].test(run_conf={**place, "per_page": 4, "end": "2000-01-02"})
    assert run.state == "success"
    assert run.get_task_instance("archive").xcom_pull("archive")["copied"] == 0
    before = simulator.requests.pages
    run = bag.dags["stablecog_archive_daily"].test(run_conf={**place, "per_page": 4, "end": "", "lookback": "36h"})
    assert run.get_task_instance("archive").xcom_pull("archive")["copied"] >= OUTPUTS
    assert simulator.requests.pages - before >= OUTPUTS / 4


def test_a_weekly_check_that_finds_damage_fails_as_a_whole(
    bag: Any, connected: Callable[..., None], moto_server: S3Server
) -> None:
    connected()
    place = {"bucket": "archive", "prefix": "weekly"}
    assert bag.dags["stablecog_archive_daily"].test(run_conf=place).state == "success"
    # The simulated source lives in another month.
    weekly = {**place, "drill_sample": 2, "max_lag": "", "max_unrefreshed": ""}
    assert bag.dags["stablecog_archive_weekly"].test(run_conf=weekly).state == "success"
    client = moto_server.client()
    image = client.list_objects_v2(Bucket="archive", Prefix="weekly/images/")["Contents"][0]["Key"]
    client.delete_object(Bucket="archive", Key=image)
    run = bag.dags["stablecog_archive_weekly"].test(run_conf={**weekly, "level": "listing"})
    states = {ti.task_id: ti.state for ti in run.get_task_instances()}
    assert (states["verify"], states["well"]) == ("failed", "upstream_failed")
    assert run.state == "failed"


ACCOUNTS = """
from airflow.sdk import DAG
from stablecog_provider.airflow.task_groups import archive_account

with DAG("accounts", schedule=None):
    for name, budget in (("anna", "1GB"), ("ben", None)):
        connection = f"stablecog_{name}"
        archive_account(
            name, bucket="archive", prefix=f"accounts/{name}", stablecog_conn_id=connection, verify_budget=budget
        )
"""


@pytest.fixture
def accounts(airflow_database: None, tmp_path: Path) -> Any:
    """A Dag of a folder of its own, known to the database as `dag.test` wants it."""
    from support.airflow_versions import bag_in_database

    (tmp_path / "accounts.py").write_text(ACCOUNTS)
    return bag_in_database(tmp_path).dags["accounts"]


def test_a_group_per_account_shows_which_of_them_needs_somebody(
    accounts: Any,
    connected: Callable[..., None],
    connect: Callable[..., None],
    simulator: Simulator,
    moto_server: S3Server,
) -> None:
    connected()
    extra = {"image_hosts": simulator.address.removeprefix("http://")}
    for name, key in (("anna", DEFAULT_KEY), ("ben", "wrong")):
        connect(f"stablecog_{name}", conn_type="stablecog", host=simulator.address, password=key, extra=extra)
    run = accounts.test()
    states = {ti.task_id: ti.state for ti in run.get_task_instances()}
    assert {name: state for name, state in states.items() if name.startswith("anna.")} == {
        "anna.archive": "success", "anna.verify": "success", "anna.status": "success", "anna.well": "success"
    }  # fmt: skip
    assert (states["ben.archive"], states["ben.well"]) == ("failed", "upstream_failed")
    assert run.state == "failed"
    assert "ben.verify" not in states
