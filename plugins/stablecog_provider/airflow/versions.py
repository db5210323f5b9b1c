"""What this version of Airflow has. The one place that asks; everything else reads the names here."""

from __future__ import annotations

from importlib import import_module
from typing import Any

try:
    from airflow.sdk import RetryDecision, RetryPolicy
except ImportError:  # below 3.3
    HAS_RETRY_POLICIES = False
else:
    HAS_RETRY_POLICIES = True

__all__ = [
    "HAS_PARTITION_KEYS",
    "HAS_RETRY_POLICIES",
    "PartitionedAssetTimetable",
    "RetryDecision",
    "RetryPolicy",
    "Stats",
    "get_hook_lineage_collector",
]


def _first(*places: str) -> Any:
    """Return the first of these objects (`module:name`) that exists, or None."""
    for place in places:
        module, _, name = place.partition(":")
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError):
            continue
    return None


# In a task's process, Airflow sets up the metrics of the SDK. 3.1 has only those of the core.
Stats: Any = _first("airflow.sdk.observability.stats:Stats", "airflow.observability.stats:Stats", "airflow.stats:Stats")
"""Airflow's own metrics."""

get_hook_lineage_collector: Any = _first(
    "airflow.sdk.lineage:get_hook_lineage_collector", "airflow.lineage.hook:get_hook_lineage_collector"
)
"""Where hooks and operators say which assets they read and write."""

PartitionedAssetTimetable: Any = _first("airflow.sdk:PartitionedAssetTimetable")
"""A schedule with one run per partition key. 3.2 and later."""

HAS_PARTITION_KEYS: bool = PartitionedAssetTimetable is not None and hasattr(
    _first("airflow.sdk.execution_time.context:OutletEventAccessor"), "add_partitions"
)
"""Whether a task may decide which partition keys its asset events have. 3.3 and later."""
