"""A fresh Airflow home for each demo; the empty metadata database, which takes 10 s to make, is kept for the next one."""

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
    """`folder` is the home; `root` the project, whose DAGs are run; `kept` survives from demo to demo."""

    folder: Path
    root: Path
    kept: Path
    logs: Path

    def environ(self, more: dict[str, str] | None = None) -> dict[str, str]:
        """The environment of an Airflow program, with nothing of the caller's own Airflow or cloud in it."""
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
        """Begin to make the metadata database, or take the kept one; `ready` waits for it."""
        self.folder.mkdir(parents=True)
        if self._template.exists():
            shutil.copyfile(self._template, self._database)
            yield None
            return
        with started([airflow_program(), "db", "migrate"], self._migrate_log, self.environ()) as child:
            yield child

    def ready(self, child: subprocess.Popen[bytes] | None) -> None:
        """Raises StepFailed."""
        if child is None:
            return
        finish("airflow db migrate", child, self._migrate_log, 300)
        self.kept.mkdir(parents=True, exist_ok=True)
        for old in self.kept.glob("*.db"):
            old.unlink()
        # A copy that was cut short must not be taken for a database.
        half = self.kept / "half"
        shutil.copyfile(self._database, half)
        half.replace(self._template)

    def run_dag(self, step: str, log: str, environ: dict[str, str]) -> None:
        """Run the archive's DAG once, in the foreground. Raises StepFailed."""
        path = self.logs / log
        with started([airflow_program(), "dags", "test", DAG], path, self.environ(environ)) as child:
            # The DAG's own retries wait for minutes; a demo that needs one has failed.
            finish(step, child, path, 600, hopeless="up_for_retry")

    @property
    def _database(self) -> Path:
        return self.folder / "airflow.db"

    @property
    def _migrate_log(self) -> Path:
        return self.logs / "airflow-db-migrate.log"

    @property
    def _template(self) -> Path:
        """Named for all that decides on its schema."""
        locked = hashlib.sha256((self.root / "requirements.lock").read_bytes()).hexdigest()[:16]
        return self.kept / f"airflow-{locked}.db"


def connections(
    source: str, api_key: str, image_host: str, s3: S3Server, more: Mapping[str, object] | None = None
) -> dict[str, str]:
    """The two connections of the archive, as Airflow reads them from the environment; `more`: of the source's extras."""
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
