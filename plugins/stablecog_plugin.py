"""Registers the provider with an Airflow that reads it from its plugins folder. Nothing else happens here.

Where the distribution is pip-installed, its entry point does this instead: use the one or the other.
"""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class StablecogPlugin(AirflowPlugin):
    """Makes the package's presence visible in `airflow plugins`; hook and operator are imported by name."""

    name = "stablecog"
