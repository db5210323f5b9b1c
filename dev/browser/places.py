"""What the checks look at: an archive of a simulated account, the page on its own, and Airflow with the page."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from ..local.airflow_home import AirflowHome, airflow_program, connections
from ..local.children import StepFailed, finish, started, wait_until
from ..local.s3_server import S3Server, free_ports, seaweedfs
from ..local.simulator import Simulator, simulator

BUCKET, PREFIX = "archive", "stablecog"
OUTPUTS, DAYS = 2000, 60
USERS = {"admin": "admin", "op": "op", "viewer": "viewer"}
"""Names of Airflow's simple login, each with its role. The passwords are made by Airflow."""


@dataclass(frozen=True, slots=True)
class Place:
    """`address`: where to begin. `root`: where the page is mounted. `passwords`: of Airflow's users; empty for the page alone."""

    address: str
    root: str
    store: S3Server
    source: Simulator
    passwords: dict[str, str]


@contextlib.contextmanager
def archive(folder: Path) -> Iterator[tuple[S3Server, Simulator]]:
    """A real S3 server with an archive of the account, one day of which had failing images. Raises StepFailed."""
    log = folder / "logs" / "run.log"
    with (
        simulator(folder / "logs" / "simulator.log", OUTPUTS, DAYS, "--rate-limit", "0", "--now", _now()) as source,
        seaweedfs(folder / "s3", bucket=BUCKET) as store,
    ):
        _archive(store, source, log)
        yield store, source


def _now() -> str:
    """An hour ago: the page's ages are those of a real archive, also after the simulated clock is advanced by an hour."""
    return f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"


def environ_of(store: S3Server, folder: Path) -> dict[str, str]:
    """The environment of a command, without the caller's own cloud settings."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STABLECOG_"))}
    return own | {
        "AWS_ACCESS_KEY_ID": store.access_key,
        "AWS_SECRET_ACCESS_KEY": store.secret_key,
        "AWS_REGION": "us-east-1",
        "STABLECOG_PREVIEWS": str(folder / "previews"),
    }


def _archive(store: S3Server, source: Simulator, log: Path) -> None:
    command = [program(), "run", "--to", f"s3://{BUCKET}/{PREFIX}", "--source", source.address, "--quiet"]
    command += ["--image-host", source.image_host, "--endpoint-url", store.endpoint]
    environ = environ_of(store, log.parent) | {"STABLECOG_API_KEY": source.api_key}
    with started(command, log, environ) as child:
        finish("the first run", child, log, 300)


def program() -> str:
    return str(Path(sys.executable).with_name("stablecog-archive"))


@contextlib.contextmanager
def alone(folder: Path, store: S3Server, source: Simulator) -> Iterator[Place]:
    """The page by `browse`."""
    log = folder / "logs" / "browse.log"
    command = [program(), "browse", "--from", f"s3://{BUCKET}/{PREFIX}", "--endpoint-url", store.endpoint, "--no-open"]
    with started([*command, "--json"], log, environ_of(store, folder)) as child:
        wait_until("browse", lambda: log.read_text().endswith("}\n"), child, log)
        address = json.loads(log.read_text().splitlines()[-1])["address"]
        yield Place(address, address.partition("/?")[0], store, source, {})


@contextlib.contextmanager
def inside_airflow(folder: Path, root: Path, store: S3Server, source: Simulator) -> Iterator[Place]:
    """The page inside `airflow standalone`. Raises StepFailed."""
    home = AirflowHome(folder / "airflow", root, folder / "kept", folder / "logs")
    (port,) = free_ports(1)
    address = f"http://localhost:{port}"
    more = connections(source.address, source.api_key, source.image_host, store) | {
        "STABLECOG_ARCHIVE_BUCKET": BUCKET,
        "STABLECOG_ARCHIVE_PREFIX": PREFIX,
        "STABLECOG_PREVIEWS": str(folder / "previews"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        # The checkout's own plugin, as an installed provider would register it.
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(root / "plugins"),
        "PYTHONPATH": str(root / "plugins"),
    }
    log = folder / "logs" / "airflow.log"
    with home.prepared() as migration:
        home.ready(migration)
    with started([airflow_program(), "standalone"], log, home.environ(more)) as child:
        wait_until("Airflow", lambda: _healthy(address), child, log, 240)
        passwords = json.loads((home.folder / "simple_auth_manager_passwords.json.generated").read_text())
        wait_until("the DAG", lambda: switch(address, passwords, paused=False), child, log, 240)
        yield Place(address, f"{address}/stablecog", store, source, passwords)


def _healthy(address: str) -> bool:
    try:
        health = httpx.get(f"{address}/api/v2/monitor/health", trust_env=False, timeout=10).json()
    except (httpx.HTTPError, ValueError):
        return False
    return all(health[name]["status"] == "healthy" for name in ("metadatabase", "scheduler", "dag_processor"))


def token(address: str, name: str, password: str) -> str:
    """A token of Airflow's REST API for this user."""
    answer = httpx.post(f"{address}/auth/token", json={"username": name, "password": password}, trust_env=False)
    return str(answer.raise_for_status().json()["access_token"])


def switch(address: str, passwords: dict[str, str], *, paused: bool) -> bool:
    """Pause the daily DAG or switch it on, as the administrator. Returns whether Airflow knows the DAG and did it."""
    headers = {"Authorization": f"Bearer {token(address, 'admin', passwords['admin'])}"}
    path = f"{address}/api/v2/dags/stablecog_archive_daily"
    answer = httpx.patch(path, json={"is_paused": paused}, headers=headers, trust_env=False, timeout=10)
    return answer.is_success


__all__ = ["Place", "StepFailed", "alone", "archive", "inside_airflow", "switch", "token"]
