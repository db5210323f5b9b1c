"""A fresh Airflow home per demo. The empty metadata database takes 10 s to create, so a copy is kept for the next demo."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .children import finish, started
from .s3_server import S3Server

DAG = "stablecog_archive_daily"
_INHERITED = ("AIRFLOW", "AWS_", "STABLECOG_", "VIRTUAL_ENV", "PYTHON")


@dataclass(frozen=True, slots=True)
class AirflowHome:
    """`folder`: the home. `root`: the project with the DAGs. `kept`: survives from demo to demo."""

    folder: Path
    root: Path
    kept: Path
    logs: Path

    def environ(self, more: dict[str, str] | None = None) -> dict[str, str]:
        """Return the environment of an Airflow program, without the caller's own Airflow and cloud settings."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(_INHERITED)}
        return own | {
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.root / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_COLOR": "1",
            **(more or {}),
        }

    @contextlib.contextmanager
    def prepared(self) -> Iterator[subprocess.Popen[bytes] | None]:
        """Copy the kept metadata database, or start to create one. `ready` waits for it."""
        self.folder.mkdir(parents=True)
        if self._template.exists():
            shutil.copyfile(self._template, self._database)
            yield None
            return
        with started([airflow_program(), "db", "migrate"], self._migrate_log, self.environ()) as child:
            yield child

    def ready(self, child: subprocess.Popen[bytes] | None) -> None:
        """Wait until the database exists, and keep a copy of it. Raises StepFailed."""
        if child is None:
            return
        finish("airflow db migrate", child, self._migrate_log, 300)
        self.kept.mkdir(parents=True, exist_ok=True)
        for old in self.kept.glob("*.db"):
            old.unlink()
        # An interrupted copy must not be mistaken for a database.
        half = self.kept / "half"
        shutil.copyfile(self._database, half)
        half.replace(self._template)

    def run_dag(self, step: str, log: str, environ: dict[str, str]) -> None:
        """Run the daily DAG once, in the foreground. Raises StepFailed."""
        path = self.logs / log
        with started([airflow_program(), "dags", "test", DAG], path, self.environ(environ)) as child:
            # Retries of the DAG wait for minutes: a demo that needs one has failed.
            finish(step, child, path, 600, hopeless="up_for_retry")

    @property
    def _database(self) -> Path:
        return self.folder / "airflow.db"

    @property
    def _migrate_log(self) -> Path:
        return self.logs / "airflow-db-migrate.log"

    @property
    def _template(self) -> Path:
        """The lock decides the schema of the database, so its digest is part of the name."""
        locked = hashlib.sha256((self.root / "requirements.lock").read_bytes()).hexdigest()[:16]
        return self.kept / f"airflow-{locked}.db"


def connections(
    source: str, api_key: str, image_host: str, s3: S3Server, more: Mapping[str, object] | None = None
) -> dict[str, str]:
    """Return both connections as environment variables. `more`: further extras of the source's connection."""
    extra = {"image_hosts": [image_host], **(more or {})}
    return {
        "AIRFLOW_CONN_STABLECOG_DEFAULT": json.dumps(
            {"conn_type": "stablecog", "host": source, "password": api_key, "extra": extra}
        ),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(
            {
                "conn_type": "aws",
                "login": s3.access_key,
                "password": s3.secret_key,
                "extra": {
                    "endpoint_url": s3.endpoint,
                    "region_name": "us-east-1",
                    "config_kwargs": {"s3": {"addressing_style": "path"}},
                },
            }
        ),
    }


def airflow_program() -> str:
    return str(Path(sys.executable).with_name("airflow"))
