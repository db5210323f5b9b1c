"""The backfill, run by Airflow: planned by counts, mapped over windows, proven as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dev.local.s3_server import S3Server
from support.airflow_canary import OUTPUTS
from support.tree import ROOT

# Warnings of Airflow's own, as in test_dag.py.
pytestmark = [
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`"),
]


@pytest.fixture(scope="module")
def backfill(airflow_database: None) -> Any:
    from support.airflow_versions import DagBag

    return DagBag(str(ROOT / "dags")).dags["stablecog_backfill"]


def test_many_windows_make_one_proven_archive(
    backfill: Any, connected: Callable[..., None], moto_server: S3Server
) -> None:
    connected()
    conf = {"bucket": "archive", "prefix": "backfill", "pieces": 3, "concurrency": 5}
    run = backfill.test(run_conf=conf)
    assert run.state == "success"
    windows = [ti for ti in run.get_task_instances() if ti.task_id == "archive"]
    assert len(windows) >= 3
    assert all(" to 20" in (ti.rendered_map_index or "") for ti in windows)
    closing_task = run.get_task_instance("prove")
    copied = [closing_task.xcom_pull("archive", map_indexes=ti.map_index)["copied"] for ti in windows]
    closing = closing_task.xcom_pull("prove")
    assert closing["proven"] is True
    assert closing["copied"] == 0
    listed = moto_server.client().list_objects_v2(Bucket="archive", Prefix="backfill/images/")["Contents"]
    assert sum(copied) == len(listed) >= OUTPUTS

    again = backfill.test(run_conf=conf)
    assert again.state == "success"
    assert again.get_task_instance("prove").xcom_pull("prove")["proven"] is True
