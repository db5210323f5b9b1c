"""Shared by the tests of the Airflow room: paths, settings of a private Airflow, and secrets to look for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.tree import ROOT

KEY = "sc-" + "ca9a71e5" * 8
"""The canary: an API key that must not appear anywhere."""
AWS_SECRET = "canary-aws-secret-5f2d"

Connect = Callable[..., None]


def settings(home: Path) -> dict[str, str]:
    """Return the environment of an Airflow with the home folder `home`."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # Otherwise, Airflow keeps the DAGs that another test wrote to the database within the last 30 s.
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


OUTPUTS = 12
"""Number of outputs in the account behind the fixture `simulator`."""
