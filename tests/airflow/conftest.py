"""An Airflow of the tests' own: a fresh home and database, set up before anything imports Airflow."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from airflow_canary import Connect, settings

if "airflow" in sys.modules:
    raise RuntimeError("Airflow was imported before its home was set: it would use the user's own")

HOME = Path(tempfile.mkdtemp(prefix="airflow-home-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ.update(settings(HOME))


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Creates the database once a session: about 10 s."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Defines a connection in the environment, as one does in production, for the length of a test."""

    def define(conn_id: str, **parts: object) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(parts))

    return define
