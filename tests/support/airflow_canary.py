"""What the tests of the Airflow room share: where things are, the settings of an Airflow of their own, secrets to look for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEY = "sc-" + "ca9a71e5" * 8
"""The canary: an API key that may stand nowhere."""
AWS_SECRET = "canary-aws-secret-5f2d"

Connect = Callable[..., None]


def settings(home: Path) -> dict[str, str]:
    """The environment of an Airflow whose home is `home`."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


OUTPUTS = 12
"""Of the account behind the fixture `simulator`."""
