"""Registers the provider's plugin, for an Airflow that loads it from its plugins folder.

If the distribution is installed with pip, its entry points register provider and plugin instead. Use one or the other.
"""

from __future__ import annotations

from stablecog_provider.airflow.plugin import StablecogPlugin

__all__ = ["StablecogPlugin"]
