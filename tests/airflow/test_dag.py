"""The daily Dag as Airflow reads it, and as Airflow runs it against the simulator and an S3 server."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dev.local.s3_server import S3Server
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.simulator.server import Simulator
from stablecog_provider.simulator.world import DEFAULT_KEY
from support.airflow_canary import AWS_SECRET, OUTPUTS
from support.airflow_canary import KEY as OTHER
from support.tree import ROOT

# Airflow's own: it reads .airflowignore through pathspec's old name, and tests through a client that wants a newer httpx.
pytestmark = [
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`"),
]


@pytest.fixture(scope="module")
def daily(airflow_database: None) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(ROOT / "dags"))
    assert bag.import_errors == {}
    return bag.dags["stablecog_archive_daily"]


# --- as it is read ---------------------------------------------------------------------------------------------------


def test_it_runs_daily_one_at_a_time_and_never_catches_up(daily: Any) -> None:
    assert daily.schedule == "@daily"
    assert (daily.max_active_runs, daily.catchup) == (1, False)


def test_it_tries_again_ever_more_slowly(daily: Any) -> None:
    task = daily.get_task("archive")
    assert task.retries >= 3
    assert task.retry_exponential_backoff
    assert task.max_retry_delay


def test_its_documentation_helps_at_3_a_m(daily: Any) -> None:
    assert "If it failed in the night" in daily.doc_md


@pytest.mark.parametrize(
    "wrong", [{"bucket": ""}, {"bucket": "a/b"}, {"prefix": "/x"}, {"prefix": "a//b"}, {"prefix": 3}]
)
def test_a_wrong_place_is_refused_at_the_trigger(daily: Any, wrong: dict[str, Any]) -> None:
    params = copy.deepcopy(daily.params)
    for name, value in wrong.items():
        with pytest.raises(Exception, match=r"does not match|is not of type|Invalid input"):
            params[name] = value


@pytest.mark.parametrize("place", [("bucket", ""), ("b2.c", "prefix"), ("bucket", "a/b=c/d")])
def test_whatever_the_archive_takes_the_form_takes_too(daily: Any, place: tuple[str, str]) -> None:
    Layout(*place)
    params = copy.deepcopy(daily.params)
    params["bucket"], params["prefix"] = place
    assert (params["bucket"], params["prefix"]) == place


def test_no_secret_can_be_rendered(daily: Any) -> None:
    assert set(daily.get_task("archive").template_fields) == {
        "bucket", "prefix", "stablecog_conn_id", "aws_conn_id", "start", "end",
    }  # fmt: skip


# --- as it runs ------------------------------------------------------------------------------------------------------


def images(server: S3Server, prefix: str) -> list[str]:
    listed = server.client().list_objects_v2(Bucket="archive", Prefix=f"{prefix}/images/").get("Contents", [])
    return [each["Key"] for each in listed]


def secrets_in(text: bytes) -> list[str]:
    return [secret for secret in (DEFAULT_KEY, AWS_SECRET) if secret.encode() in text]


def test_it_archives_and_proves_and_does_nothing_twice(
    daily: Any, connected: Callable[..., None], moto_server: S3Server
) -> None:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    connected()
    run = daily.test(run_conf={"bucket": "archive", "prefix": "daily"})
    assert run.state == "success"
    summary = run.get_task_instance("archive").xcom_pull("archive")
    assert summary["proven"] is True
    assert summary["copied"] == len(images(moto_server, "daily")) >= OUTPUTS
    with create_session() as session:
        (extra,) = session.scalars(select(AssetEvent.extra).where(AssetEvent.source_run_id == run.run_id))
    assert summary.items() <= extra.items()

    again = daily.test(run_conf={"bucket": "archive", "prefix": "daily"})
    assert again.state == "success"
    assert again.get_task_instance("archive").xcom_pull("archive")["copied"] == 0


def test_a_rejected_key_fails_for_good_after_one_request(
    daily: Any, connected: Callable[..., None], simulator: Simulator
) -> None:
    connected(OTHER)
    run = daily.test(run_conf={"bucket": "archive", "prefix": "rejected"})
    assert run.state == "failed"
    assert run.get_task_instance("archive").state == "failed"
    assert simulator.requests.unauthorized == 1


def test_no_secret_stands_anywhere_not_even_at_debug(
    airflow_database: None, connected: Callable[..., None], moto_server: S3Server
) -> None:
    connected()
    home = Path(os.environ["AIRFLOW_HOME"])
    place = json.dumps({"bucket": "archive", "prefix": "canary"})
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "dags", "test", "stablecog_archive_daily", "-c", place],
        env={**os.environ, "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG"},
        cwd=home,
        capture_output=True,
        timeout=180,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said.decode()[-3000:]
    assert images(moto_server, "canary")
    # The words show that we looked where things are written down.
    assert b"connect_tcp.started" in said
    assert b"Proven: the source counts" in said
    leaks = [line for line in said.splitlines() if secrets_in(line)]
    # Airflow's own, in `dags test` at DEBUG only and for every connection: it logs the very order to mask a secret.
    assert [line for line in leaks if b"Sending request" not in line or b"msg=MaskSecret(" not in line] == []
    kept = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    assert b"Proven: the source counts" in kept
    assert secrets_in(kept) == []
    stored = moto_server.client().list_objects_v2(Bucket="archive", Prefix="canary/")["Contents"]
    bodies = b"".join(
        moto_server.client().get_object(Bucket="archive", Key=each["Key"])["Body"].read() for each in stored
    )
    assert secrets_in(bodies) == []
