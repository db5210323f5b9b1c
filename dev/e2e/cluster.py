"""A distributed Airflow on loopback: its four components, and Celery workers that are started per run.

Facts about Airflow 3.3:

- A task has its own process group in the session of its worker, and outlives a worker that is killed.
- If the main process of a worker is killed, its supervisors die too. The scheduler then misses their heartbeats.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import psutil

from ..local.airflow_home import AirflowHome, airflow_program
from ..local.children import StepFailed, finish, started, wait_until
from ..local.s3_server import HOST, free_ports
from .airflow_api import AirflowApi, airflow_api
from .backends import Backends
from .sessions import kill_session, members, session

POOL = "stablecog_api"
SLOTS = 2
"""Windows that one worker archives in parallel."""
MOST_WORKERS = 2
REQUESTS_PER_SECOND = 2.0
"""Per window. Together they stay below the 10 requests per second that the API allows: 2 workers x 2 windows x 2."""
_COMPONENTS = {
    "api-server": ["api-server"],
    # Logs are on this disk, so nothing serves them over the network.
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
_READY_SECONDS = 240.0
_TASK = "airflow worker -- "
"""The process title of a task starts with this, followed by the id of its task instance."""
_POLICY = '''"""Rules of this deployment: retries start at once, because people wait for them."""

from datetime import timedelta


def task_policy(task):
    task.retry_delay = timedelta(0)
    task.retry_exponential_backoff = 0
'''


@dataclass(frozen=True, slots=True)
class Worker:
    """A Celery worker. `pid` is its main process and its session id."""

    name: str
    pid: int

    def tasks(self) -> dict[str, psutil.Process]:
        """Return the processes that run tasks now, by the id of their task instance."""
        found = {}
        for each in members(self.pid):
            with contextlib.suppress(psutil.Error):
                title = " ".join(each.cmdline()).strip()
                if title.startswith(_TASK):
                    found[title.removeprefix(_TASK)] = each
        return found


@dataclass(frozen=True, slots=True)
class Component:
    """A running component of Airflow, and its log."""

    name: str
    child: subprocess.Popen[bytes]
    log: Path


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running Airflow without workers. `running`: stops its components."""

    home: AirflowHome
    settings: Mapping[str, str]
    api: AirflowApi
    running: contextlib.ExitStack
    components: dict[str, Component] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start a component."""
        log = self.home.logs / f"airflow-{name}.log"
        command = [airflow_program(), *_COMPONENTS[name]]
        child = self.running.enter_context(session(command, log, self.home.environ(dict(self.settings))))
        self.components[name] = Component(name, child, log)

    def kill(self, name: str) -> None:
        """End a component and its processes at once, as a crash of its machine does."""
        kill_session(self.components.pop(name).child.pid)

    def check_alive(self) -> None:
        """Raise StepFailed if one of the components has ended."""
        for each in self.components.values():
            if each.child.poll() is not None:
                raise StepFailed(f"airflow {each.name}", f"ended with exit code {each.child.returncode}", each.log)

    @contextlib.contextmanager
    def workers(
        self, count: int, connections: Mapping[str, str], logs: Path, *, slots: int = SLOTS
    ) -> Iterator[list[Worker]]:
        """Run workers with these connections until the block ends. Processes that they left behind are stopped too."""
        environ = self.home.environ({**self.settings, **connections})
        with contextlib.ExitStack() as running:
            workers, children = [], []
            for number in range(1, count + 1):
                name, log = f"w{number}", logs / f"worker-{number}.log"
                command = [airflow_program(), "celery", "worker", "--celery-hostname", f"{name}@%h"]
                command += ["--concurrency", str(slots), "--skip-serve-logs", "--without-gossip", "--without-mingle"]
                child = running.enter_context(session(command, log, environ))
                workers.append(Worker(name, child.pid))
                children.append((name, child, log))
            for name, child, log in children:
                wait_until(f"the worker {name}", lambda log=log: " ready." in log.read_text(), child, log)  # type: ignore[misc]
            yield workers


@contextlib.contextmanager
def cluster(
    folder: Path, root: Path, logs: Path, backends: Backends, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Cluster]:
    """Run Airflow in `folder` until the block ends. It is healthy, has the pool, and the DAG is unpaused. `more`: environment
    variables of all its programs. Raises StepFailed.
    """
    home = AirflowHome(folder, root, folder, logs)
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "airflow_local_settings.py").write_text(_POLICY)
    (port,) = free_ports(1)
    settings = _settings(backends, port) | {"AIRFLOW__CORE__DAGS_FOLDER": str(_dags(folder, root)), **more}
    whole = home.environ(settings)
    with contextlib.ExitStack() as running:
        log = logs / "airflow-db-migrate.log"
        with started([airflow_program(), "db", "migrate"], log, whole) as child:
            finish("airflow db migrate", child, log, _READY_SECONDS)
        api = running.enter_context(airflow_api(f"http://{HOST}:{port}"))
        airflow = Cluster(home, settings, api, running)
        for name in _COMPONENTS:
            airflow.start(name)
        _wait_until_healthy(airflow)
        api.make_pool(POOL, SLOTS * MOST_WORKERS, "windows of the Stablecog backfill")
        api.unpause()
        yield airflow


def _dags(folder: Path, root: Path) -> Path:
    """A folder with the Dags of the package, and those of this program."""
    found = folder / "dags"
    for source in (root / "dags", Path(__file__).with_name("dags")):
        shutil.copytree(source, found, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    return found


def _wait_until_healthy(airflow: Cluster) -> None:
    def healthy() -> bool:
        airflow.check_alive()
        return airflow.api.healthy()

    first = airflow.components["api-server"]
    wait_until(f"airflow {first.name} and the others", healthy, first.child, first.log, _READY_SECONDS)


def _settings(backends: Backends, port: int) -> dict[str, str]:
    address, database = f"http://{HOST}:{port}", f"postgresql+psycopg2://{backends.database}"
    secret = secrets.token_hex(32)
    named = {
        "API__BASE_URL": address,
        "API__HOST": HOST,
        "API__PORT": str(port),
        "API__SECRET_KEY": secret,
        "API__WORKERS": "1",
        "API_AUTH__JWT_SECRET": secret,
        "CELERY__BROKER_URL": backends.broker,
        "CELERY__RESULT_BACKEND": f"db+{database}",
        "CELERY__SYNC_PARALLELISM": "1",
        "CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "CORE__EXECUTOR": "CeleryExecutor",
        "CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "DATABASE__SQL_ALCHEMY_CONN": database,
        # Parsing the same two files again would only take CPU time from the measurement.
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
        # Notice a dead worker within seconds; Airflow's defaults take five minutes.
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "3",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "12",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
        # Send a task again whose message a dead worker had in its hand. Airflow's default is ten minutes.
        "SCHEDULER__TASK_QUEUED_TIMEOUT": "120",
        "SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    }
    return {f"AIRFLOW__{name}": value for name, value in named.items()} | {"STABLECOG_API_POOL": POOL}
