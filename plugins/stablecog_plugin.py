"""Registers the package as a plugin, for an Airflow that loads it from its plugins folder.

If the distribution is installed with pip, its entry point registers the provider instead. Use one or the other.
"""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class StablecogPlugin(AirflowPlugin):
    """Lists the package in `airflow plugins`. Hook and operator are imported by name."""

    name = "stablecog"
