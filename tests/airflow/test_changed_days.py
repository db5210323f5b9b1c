"""The DAG that loads the days that changed: what Airflow starts it for, and what it loads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from airflow.sdk import Asset
from sqlalchemy import select, update

from stablecog_provider.airflow.operators import StablecogToS3Operator
from stablecog_provider.airflow.versions import HAS_PARTITION_KEYS
from stablecog_provider.simulator.server import Simulator
from support.airflow_canary import AWS_SECRET, KEY, Connect
from support.tree import ROOT

pytestmark = [
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning"),
    pytest.mark.skipif(not HAS_PARTITION_KEYS, reason="this version of Airflow has no partition keys"),
]


@pytest.fixture(autouse=True)
def connections(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    connect("aws_default", conn_type="aws", login="access", password=AWS_SECRET, extra={"region_name": "eu-west-1"})


@pytest.fixture(scope="module")
def bag(airflow_database: None) -> Any:
    from support.airflow_versions import DagBag

    found = DagBag(str(ROOT / "dags"))
    assert found.import_errors == {}
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`")
def test_changed_days_are_loaded_once_each(
    bag: Any, connected: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session

    connected()
    run = bag.dags["stablecog_archive_daily"].test(run_conf={"bucket": "archive", "prefix": "days"})
    assert run.state == "success"
    summary = run.get_task_instance("archive").xcom_pull("archive")
    assert summary["changed_day_count"] == len(summary["changed_days"]) > 0
    with create_session() as session:
        query = select(AssetModel.uri, AssetEvent.partition_key).join(AssetModel, AssetModel.id == AssetEvent.asset_id)
        found = session.execute(query.where(AssetEvent.source_run_id == run.run_id)).all()
    # The environment names no bucket here, so the archive is another one: the alias has its event.
    assert [tuple(each) for each in found] == [("s3://archive/days", None)]

    from stablecog_provider.airflow.loading import load_days

    database = str(tmp_path / "archive.duckdb")
    for _ in range(2):
        counts = load_days(
            database, "archive", "days", days=[date.fromisoformat(each) for each in summary["changed_days"]]
        )
    assert sum(counts.values()) == summary["copied"]
    assert load_days(database, "archive", "days", days=None) == counts
    with duckdb.connect(database) as connection:
        held = connection.execute("SELECT dt, count(*), count(DISTINCT (output_id, rendition)) FROM images GROUP BY dt")
        assert {day.isoformat(): (rows, keys) for day, rows, keys in held.fetchall()} == {
            day: (rows, rows) for day, rows in counts.items()
        }


def test_the_consumer_is_scheduled_on_the_days(bag: Any) -> None:
    consumer = bag.dags["stablecog_changed_days"]
    assert type(consumer.timetable).__name__ == "PartitionedAssetTimetable"
    daily = bag.dags["stablecog_archive_daily"].get_task("archive")
    uris = [each.uri for each in daily.outlets if isinstance(each, Asset)]
    assert len(uris) == 2
    assert uris[1] == f"{uris[0]}/manifest"
    assert isinstance(daily, StablecogToS3Operator)
    assert datetime(2026, 1, 1, tzinfo=UTC) == consumer.start_date


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`")
def test_the_scheduler_makes_one_run_per_changed_day(
    airflow_database: None, connected: Callable[..., None], simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.jobs.job import Job
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    from support.airflow_versions import DagBag, sync_bag_to_db

    connected()
    monkeypatch.setenv("STABLECOG_ARCHIVE_BUCKET", "archive")
    monkeypatch.setenv("STABLECOG_ARCHIVE_PREFIX", "events")
    found = DagBag(str(ROOT / "dags"))
    with create_session() as session:
        session.merge(DagBundleModel(name="changed-days"))
    sync_bag_to_db(found, "changed-days", None)
    with create_session() as session:
        session.execute(update(DagModel).values(is_paused=False))

    def runs() -> list[str]:
        with create_session() as session:
            job = Job()
            session.add(job)
            session.flush()
            SchedulerJobRunner(job=job)._create_dagruns_for_partitioned_asset_dags(session)
            query = select(DagRun.partition_key).where(DagRun.dag_id == "stablecog_changed_days")
            return sorted(map(str, session.scalars(query)))

    daily = found.dags["stablecog_archive_daily"]
    first = daily.test()
    days = first.get_task_instance("archive").xcom_pull("archive")["changed_days"]
    assert len(days) > 1
    assert runs() == days
    again = daily.test()
    assert again.get_task_instance("archive").xcom_pull("archive")["changed_days"] == []
    assert runs() == days
