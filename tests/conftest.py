"""What all tests share. Rooms that need servers or Airflow have a conftest of their own."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["support.servers"]

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("campaign", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
