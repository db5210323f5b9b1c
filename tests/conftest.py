"""Shared by all tests. Folders that need servers or Airflow have their own conftest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["support.botocore_files", "support.servers", "support.aws_services"]

settings.register_profile(
    "default", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("quick", settings.get_profile("default"), max_examples=20)
settings.register_profile("campaign", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

HERE = Path(__file__).parent
SHARED_SET_UP = ("airflow", "dev/campaign")
"""Folders whose tests share an expensive set-up: an Airflow database, or a stage for kills and races."""
STARTS_A_PROCESS = {"moto_server", "seaweedfs_server", "running"}
"""Fixtures that make a test slow, as `pytest.mark.slow` does."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests, and tell pytest-xdist which tests share a process: those of a file or of a folder with a set-up."""
    for item in items:
        path = item.path.relative_to(HERE)
        folder = next((folder for folder in SHARED_SET_UP if path.is_relative_to(folder)), None)
        item.add_marker(pytest.mark.xdist_group(folder or path.as_posix()))
        if not STARTS_A_PROCESS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
