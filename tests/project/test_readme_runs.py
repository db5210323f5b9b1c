"""The snippets of README and docs/, run: the simulator stands for the service, moto for AWS, with its policies enforced."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from moto.server import ThreadedMotoServer

from dev.local.simulator import Simulator, simulator
from stablecog_provider.simulator.models import NAMES
from support.cloud import Cloud
from support.readme import PAGES, block, marked
from support.tree import ROOT

BUCKET = "my-bucket"
TOOLS = Path(sys.executable).parent
SHIM = """#!/bin/sh
# The commands as they are documented, sent to the simulator.
if [ "$1" = run ]; then set -- "$@" --source {address} --image-host {host}; fi
exec {real} "$@"
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(tmp_path_factory.mktemp("source") / "log", 60, 3) as running:
        yield running


@pytest.fixture(scope="module")
def listed(source: Simulator) -> int:
    """How many outputs there are, once the session is over and everything has settled."""
    return source.advance(3600)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield Cloud(f"http://{host}:{port}")
    finally:
        server.stop()


@pytest.fixture(scope="module")
def bucket(cloud: Cloud) -> str:
    """Made as docs/aws.md makes it."""
    subprocess.run([sys.executable, "-c", block("bucket")], env=cloud.environ(), check=True)
    return BUCKET


@pytest.fixture
def path(tmp_path: Path, source: Simulator) -> str:
    """A PATH on which `stablecog-archive` asks the simulator."""
    shim = tmp_path / "bin/stablecog-archive"
    shim.parent.mkdir()
    shim.write_text(SHIM.format(address=source.address, host=source.image_host, real=TOOLS / "stablecog-archive"))
    shim.chmod(0o755)
    return f"{shim.parent}:{TOOLS}:{os.environ['PATH']}"


def typed(
    block: str, environ: dict[str, str], stdin: str = "", folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euc", block], env=environ, input=stdin, capture_output=True, text=True, cwd=folder, check=False
    )


@pytest.fixture(scope="module")
def archived(cloud: Cloud, bucket: str, source: Simulator, listed: int) -> str:
    """An archive made by the library's example. Returns what that printed."""
    program = block("library").replace(
        "SourceSettings(", f"SourceSettings(address={source.address!r}, image_hosts=({source.image_host!r},), ", 1
    )
    environ = cloud.environ() | {"STABLECOG_API_KEY": source.api_key}
    return subprocess.run(
        [sys.executable, "-c", program], env=environ, check=True, capture_output=True, text=True
    ).stdout


def test_the_bucket_is_private_and_versioned(cloud: Cloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())


def test_the_library_archives_and_proves(archived: str, listed: int) -> None:
    assert archived.startswith("proven\n")
    assert f"the source counts {listed} outputs" in archived


@pytest.mark.parametrize("mark", ["readme", "archive"])
def test_the_commands_archive_with_the_policy(
    mark: str, cloud: Cloud, bucket: str, source: Simulator, path: str
) -> None:
    user = cloud.user(f"archivist-{mark}", json.loads(block("policy")))
    cloud.enforce(True)
    try:
        result = typed(block(mark), cloud.environ(user) | {"PATH": path}, stdin=source.api_key + "\n")
    finally:
        cloud.enforce(False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("PROVEN") == 2
    assert source.api_key not in result.stdout + result.stderr


@pytest.mark.parametrize("left_out", ["TellMissingFromForbidden", "ReadAndWriteTheArchive", "RemoveTheProbe"])
def test_no_statement_of_the_policy_can_be_spared(
    left_out: str, cloud: Cloud, bucket: str, source: Simulator, path: str
) -> None:
    policy = json.loads(block("policy").replace("/stablecog/", f"/{left_out}/"))
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Sid"] != left_out]
    user = cloud.user(left_out, policy)
    command = (
        f"stablecog-archive run --to s3://{BUCKET}/{left_out} && stablecog-archive status --to s3://{BUCKET}/{left_out}"
    )
    environ = cloud.environ(user) | {"PATH": path, "STABLECOG_API_KEY": source.api_key}
    cloud.enforce(True)
    try:
        result = typed(command, environ)
    finally:
        cloud.enforce(False)
    assert result.returncode == 2, result.stdout + result.stderr
    assert "get, put and list" in result.stderr


@pytest.mark.parametrize("mark", ["restore", "restore-selection", "restore-into", "restore-drill"])
def test_the_restores_restore(mark: str, cloud: Cloud, archived: str, path: str, tmp_path: Path) -> None:
    (folder := tmp_path / "here").mkdir()
    result = typed(block(mark), cloud.environ() | {"PATH": path}, folder=folder)
    assert result.returncode == 0, result.stderr
    assert "RESTORED" in result.stdout
    made = {each.suffix for each in folder.rglob("*") if each.is_file()}
    expected: dict[str, set[str]] = {"restore": set(), "restore-selection": {".json", ".jpg", ".html"}}
    assert made - {".jpeg", ".png", ".webp"} == expected.get(mark, set())
    assert bool(made) == (mark in expected)


def test_the_change_log_is_read_as_documented(cloud: Cloud, archived: str, path: str, listed: int) -> None:
    result = typed(block("changes"), cloud.environ() | {"PATH": path})
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["complete"]
    assert [each["number"] for each in answer["changes"]] == list(range(1, len(answer["changes"]) + 1))
    assert sum(part["added"] for each in answer["changes"] for part in each["partitions"]) >= listed


@pytest.fixture(scope="module")
def partitions(cloud: Cloud, archived: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest and the names of models, copied to a folder: DuckDB's httpfs would be downloaded."""
    folder, s3 = tmp_path_factory.mktemp("bucket"), cloud.client("s3")
    for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="stablecog/m")["Contents"]:
        copy = folder / item["Key"]
        copy.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(BUCKET, item["Key"], str(copy))
    return folder


def test_the_queries_answer(partitions: Path, listed: int) -> None:
    statements = block("duckdb").replace(f"s3://{BUCKET}", str(partitions)).split(";")
    with duckdb.connect() as connection:
        answers = [connection.execute(statement).fetchall() for statement in statements if statement.strip()]
    per_day, failed, favourites, counted, _, per_hour = answers
    assert sum(row[1] for row in per_day) == listed
    assert failed == []
    assert all(len(row) == 2 for row in favourites)
    assert counted == [(listed,)]
    assert sum(row[1] for row in per_hour) == sum(row[2] for row in per_day)


def test_the_query_for_names_answers(partitions: Path, listed: int) -> None:
    with duckdb.connect() as connection:
        answer = connection.execute(block("names").replace(f"s3://{BUCKET}", str(partitions))).fetchall()
    assert {name for name, _, _ in answer} == {*NAMES.values()}
    assert sum(outputs for _, _, outputs in answer) == listed


def test_a_date_of_another_time_zone_is_not_the_partition(partitions: Path) -> None:
    files = f"{partitions}/stablecog/manifest/*/*.parquet"
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE manifest AS FROM read_parquet(?, hive_partitioning = true)", [files])

        def on_another_day(zone: str) -> int:
            connection.execute(f"SET TimeZone = '{zone}'")
            query = "SELECT count(*) FROM manifest WHERE cast(created_at AS date) <> dt"
            return int(connection.execute(query).fetchall()[0][0])

        assert connection.execute("SELECT DISTINCT typeof(dt) FROM manifest").fetchall() == [("DATE",)]
        assert on_another_day("UTC") == 0
        assert on_another_day("Pacific/Auckland") > 0


def test_pyarrow_reads_the_manifest(partitions: Path) -> None:
    program = block("pyarrow").replace(f"s3://{BUCKET}", str(partitions))
    program += "\nimport pyarrow\nassert pyarrow.types.is_string(days.schema.field('dt').type) and days.num_rows\n"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.fixture(scope="module")
def airflow_home(cloud: Cloud, source: Simulator, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an Airflow whose database is there."""
    environ = cloud.environ() | {
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "STABLECOG_API_KEY": source.api_key,
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
    }
    result = typed("airflow db migrate", environ)
    assert result.returncode == 0, result.stderr
    return environ


def test_the_airflow_commands_make_connections_and_a_pool(airflow_home: dict[str, str]) -> None:
    home = Path(airflow_home["AIRFLOW_HOME"])
    for mark in ("airflow", "pool"):
        result = typed(block(mark), airflow_home)
        assert result.returncode == 0, result.stderr
    with sqlite3.connect(home / "airflow.db") as database:
        made = dict(database.execute("select conn_id, conn_type from connection").fetchall())
        pools = dict(database.execute("select pool, slots from slot_pool").fetchall())
    database.close()
    assert (made["stablecog_default"], made["aws_default"]) == ("stablecog", "aws")
    assert pools["stablecog_api"] == 4
    assert {path.name for path in (home / "dags").iterdir()} >= {
        "stablecog_archive_daily.py",
        "stablecog_backfill.py",
    }


AS_A_FILE = """
from airflow.sdk.definitions._internal.contextmanager import DagContext
DagContext.current_autoregister_module_name = "__main__"
"""
"""As Airflow reads a file of Dags: they need no name in it."""
CHECKED = """
found = {dag.dag_id: dag for dag, _ in DagContext.autoregistered_dags}
assert found
for dag in found.values():
    dag.validate()
"""
EVENT = """
from types import SimpleNamespace
event = SimpleNamespace(extra={"archive": "s3://my-bucket/anna", "outcome": "proven", "copied": 3})
report.function({"asset": [event]})
report_tasks = [task.task_id for dag in found.values() for task in dag.tasks]
assert {"anna.archive", "ben.well", "report"} <= set(report_tasks)
"""


@pytest.mark.parametrize(
    ("mark", "more"),
    [("dag", ""), ("verify dag", ""), ("changed days", ""), ("sensor dag", ""), ("accounts", EVENT), ("drill-dag", "")],
)
def test_the_dags_are_valid(mark: str, more: str, airflow_home: dict[str, str]) -> None:
    program = AS_A_FILE + block(mark) + CHECKED + more
    result = subprocess.run(
        [sys.executable, "-c", program], env=airflow_home, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    if more:
        assert result.stdout.splitlines()[-1] == "s3://my-bucket/anna proven 3"


def test_every_snippet_is_run_by_a_test() -> None:
    others = (
        "test_readme_promises.py",
        "test_network_documented.py",
        "test_infrastructure.py",
        "test_rehearsal.py",
        "../airflow/test_forget_operator.py",
        "../dev/engines/test_engines_program.py",
    )
    here = "".join(path.read_text() for path in (Path(__file__), *(Path(__file__).parent / name for name in others)))
    names = {name for path in PAGES for kind, name, _, _ in marked(path.read_text()) if kind == "tested"}
    assert names
    assert sorted(name for name in names if f'"{name}"' not in here) == []
