"""The start script of the containers, run here: its keys, the programs it executes, its health checks."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import boto3
import pytest
import yaml
from cryptography.fernet import Fernet
from moto.server import ThreadedMotoServer

from dev.local.simulator import Simulator, simulator
from support.tree import ROOT


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for folder in ("keys", "store", "airflow", "bin"):
        (tmp_path / folder).mkdir()
    for program in ("weed", "airflow", "stablecog-archive"):
        fake = tmp_path / "bin" / program
        fake.write_text(f'#!/bin/sh\necho {program} "$@"\nenv\n')
        fake.chmod(0o755)
    start(tmp_path, "keys")
    return tmp_path


def start(home: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    own = {"PATH": f"{home / 'bin'}:{os.environ['PATH']}", "STABLECOG_DEMO_HOME": str(home), **environ}
    return subprocess.run(
        [sys.executable, str(ROOT / "docker/start.py"), *arguments],
        env=own,
        capture_output=True,
        text=True,
        check=False,
    )


def keys(home: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((home / "keys/keys.json").read_text())
    return found


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(tmp_path_factory.mktemp("source") / "log", 20, 2) as running:
        yield running


def test_keys_are_created_once_and_are_private(home: Path) -> None:
    first = keys(home)
    assert stat.S_IMODE((home / "keys/keys.json").stat().st_mode) == 0o600
    assert start(home, "keys").returncode == 0
    assert keys(home) == first


def test_keys_that_are_missing_are_added(home: Path) -> None:
    first = keys(home)
    (home / "keys/keys.json").write_text(json.dumps({name: first[name] for name in first if name != "jwt"}))
    start(home, "keys")
    again = keys(home)
    assert again.pop("jwt") != first.pop("jwt")
    assert again == first


def test_the_signing_key_is_long_enough_for_its_algorithm(home: Path) -> None:
    """HS512, Airflow's default, needs 64 bytes; PyJWT warns below that."""
    assert len(keys(home)["jwt"]) >= 64


def test_the_source_keeps_its_clock_in_the_volume(home: Path) -> None:
    started = start(home, "source").stdout.splitlines()[0].split()
    state = Path(started[started.index("--state") + 1])
    (volume,) = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]["source"]["volumes"]
    assert str(state.parent.relative_to(home)) == volume.removeprefix("source:/opt/stablecog/")


def test_no_two_installations_share_a_key(home: Path, tmp_path: Path) -> None:
    first = keys(home)
    (home / "keys/keys.json").unlink()
    start(home, "keys")
    assert set(first.values()) & set(keys(home).values()) == set()


def test_the_store_accepts_only_these_keys(home: Path) -> None:
    assert start(home, "store").stdout.startswith("weed ")
    (identity,) = json.loads((home / "store/s3.json").read_text())["identities"]
    made = keys(home)
    assert identity["credentials"] == [{"accessKey": made["s3_access"], "secretKey": made["s3_secret"]}]
    assert stat.S_IMODE((home / "store/s3.json").stat().st_mode) == 0o600


def test_no_command_line_contains_a_secret(home: Path, aws: str) -> None:
    lines = [
        start(home, service, STABLECOG_DEMO_STORE=aws).stdout.splitlines()[0]
        for service in ("store", "source", "airflow")
    ]
    assert [secret for secret in keys(home).values() if secret in " ".join(lines)] == []


def test_airflow_starts_with_a_bucket_and_both_connections(home: Path, aws: str) -> None:
    for _ in range(2):  # a restart finds the bucket there
        result = start(home, "airflow", STABLECOG_DEMO_STORE=aws)
        assert result.stdout.startswith("airflow standalone\n"), result.stderr
    environ = dict(line.split("=", 1) for line in result.stdout.splitlines()[1:] if "=" in line)
    connection = json.loads(environ["AIRFLOW_CONN_AWS_DEFAULT"])
    assert connection["extra"]["endpoint_url"] == aws
    assert json.loads(environ["AIRFLOW_CONN_STABLECOG_DEFAULT"])["extra"]["image_hosts"] == ["source:8787"]
    Fernet(environ["AIRFLOW__CORE__FERNET_KEY"])
    assert environ["AIRFLOW__API_AUTH__JWT_SECRET"] == keys(home)["jwt"]
    # In the volume, and with it the logs of tasks.
    assert environ["AIRFLOW_HOME"] == str(home / "airflow")
    assert "AIRFLOW__LOGGING__BASE_LOG_FOLDER" not in environ
    client = boto3.Session(connection["login"], connection["password"]).client(
        "s3", endpoint_url=aws, region_name="us-east-1"
    )
    assert environ["STABLECOG_ARCHIVE_BUCKET"] in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]


def compose_command(service: str) -> list[str]:
    command: list[str] = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"][service]["command"]
    return command


def test_the_clock_of_the_source_can_be_advanced_by_a_day(source: Simulator) -> None:
    before = source.advance(0)
    program, *arguments = [source.address if "source:8787" in word else word for word in compose_command("tomorrow")]
    result = subprocess.run(
        [str(Path(sys.executable).with_name(program)), *arguments], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert source.advance(0) > before
    assert f"It lists {source.advance(0)} outputs." in result.stdout


class Recorder(BaseHTTPRequestHandler):
    """Answers as Airflow's API would and notes what was asked."""

    asked: ClassVar[list[tuple[str, str, Any]]] = []

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append((self.command, self.path, json.loads(body or b"null")))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"access_token": "a", "dag_run_id": "run"}')

    do_GET = do_POST = do_PATCH = answer  # noqa: N815 - the names of the base class

    def log_message(self, *_: object) -> None:
        pass


def test_the_dag_is_unpaused_by_the_service_that_waits_for_the_api(home: Path, aws: str) -> None:
    """A run that starts before the API server listens fails, so Airflow itself must not unpause the DAG."""
    assert "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION=True" in start(home, "airflow", STABLECOG_DEMO_STORE=aws).stdout
    first_run = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]["first-run"]
    assert first_run["depends_on"] == {"airflow": {"condition": "service_healthy"}}
    Recorder.asked.clear()
    with HTTPServer(("127.0.0.1", 0), Recorder) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        result = start(home, "first-run", STABLECOG_DEMO_AIRFLOW=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        serving.join(30)
    assert result.returncode == 0, result.stderr
    changes = [(method, path.rsplit("/dags/", 1)[-1], body) for method, path, body in Recorder.asked if method != "GET"]
    assert changes == [
        ("PATCH", "stablecog_archive_daily", {"is_paused": False}),
        ("POST", "stablecog_archive_daily/dagRuns", {"logical_date": None}),
    ]


def test_only_a_service_that_answers_is_healthy(home: Path, source: Simulator) -> None:
    assert start(home, "healthy", "source", STABLECOG_DEMO_SOURCE=source.address).returncode == 0
    assert start(home, "healthy", "source", STABLECOG_DEMO_SOURCE="http://127.0.0.1:9").returncode != 0
    # It serves, but not S3 with authentication.
    assert start(home, "healthy", "store", STABLECOG_DEMO_STORE=source.address).returncode != 0
