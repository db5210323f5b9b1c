"""The daily Dag, parsed by Airflow, and run by it against the simulator and an S3 server."""

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

# Warnings of Airflow's own: it uses pathspec's old name, and a test client that wants a newer httpx.
pytestmark = [
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`"),
]


@pytest.fixture(scope="module")
def daily(airflow_database: None) -> Any:
    from support.airflow_versions import DagBag

    bag = DagBag(str(ROOT / "dags"))
    assert bag.import_errors == {}
    return bag.dags["stablecog_archive_daily"]


# --- parsed ----------------------------------------------------------------------------------------------------------


def test_it_runs_daily_one_run_at_a_time_without_catchup(daily: Any) -> None:
    assert daily.schedule == "@daily"
    assert (daily.max_active_runs, daily.catchup) == (1, False)


def test_it_retries_with_exponential_backoff(daily: Any) -> None:
    task = daily.get_task("archive")
    assert task.retries >= 3
    assert task.retry_exponential_backoff
    assert task.max_retry_delay


def test_its_documentation_has_a_troubleshooting_table(daily: Any) -> None:
    assert "Troubleshooting" in daily.doc_md


@pytest.mark.parametrize(
    "wrong", [{"bucket": ""}, {"bucket": "a/b"}, {"prefix": "/x"}, {"prefix": "a//b"}, {"prefix": 3}]
)
def test_a_wrong_bucket_or_prefix_is_refused_by_the_trigger_form(daily: Any, wrong: dict[str, Any]) -> None:
    params = copy.deepcopy(daily.params)
    for name, value in wrong.items():
        with pytest.raises(Exception, match=r"does not match|is not of type|Invalid input"):
            params[name] = value


@pytest.mark.parametrize("place", [("bucket", ""), ("b2.c", "prefix"), ("bucket", "a/b=c/d")])
def test_the_trigger_form_accepts_what_the_archive_accepts(daily: Any, place: tuple[str, str]) -> None:
    Layout(*place)
    params = copy.deepcopy(daily.params)
    params["bucket"], params["prefix"] = place
    assert (params["bucket"], params["prefix"]) == place


def test_no_secret_can_be_rendered(daily: Any) -> None:
    assert set(daily.get_task("archive").template_fields) == {
        "bucket", "prefix", "stablecog_conn_id", "aws_conn_id", "start", "end", "lookback", "refresh_within", "per_page",
        "concurrency", "retry_failed", "allow_unsafe_store", "allow_account_mismatch", "allow_deletions",
    }  # fmt: skip


# --- run -------------------------------------------------------------------------------------------------------------


def images(server: S3Server, prefix: str) -> list[str]:
    listed = server.client().list_objects_v2(Bucket="archive", Prefix=f"{prefix}/images/").get("Contents", [])
    return [each["Key"] for each in listed]


def secrets_in(text: bytes) -> list[str]:
    return [secret for secret in (DEFAULT_KEY, AWS_SECRET) if secret.encode() in text]


def test_a_second_run_copies_nothing(daily: Any, connected: Callable[..., None], moto_server: S3Server) -> None:
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


def test_no_secret_is_written_anywhere_even_at_debug(
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
    # These lines show that the search covers the places where logs are written.
    assert b"connect_tcp.started" in said
    assert b"Proven: the source counts" in said
    leaks = [line for line in said.splitlines() if secrets_in(line)]
    # Airflow's own: at DEBUG, `dags test` logs the message that asks to mask a secret.
    assert [line for line in leaks if b"Sending request" not in line or b"msg=MaskSecret(" not in line] == []
    kept = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    assert b"Proven: the source counts" in kept
    assert secrets_in(kept) == []
    stored = moto_server.client().list_objects_v2(Bucket="archive", Prefix="canary/")["Contents"]
    bodies = b"".join(
        moto_server.client().get_object(Bucket="archive", Key=each["Key"])["Body"].read() for each in stored
    )
    assert secrets_in(bodies) == []
